"use strict";
const ROWS = DATA.rows;
const STATUS = {aligned: "aligned", not_aligned: "not aligned", reference: "reference"};
const CYCLE = ["#0072b2", "#d55e00", "#117a5b", "#cc3377", "#8a6d00", "#56b4e9", "#666666", "#a05eb5"];
const MARKS = ["circle", "square", "triangle", "diamond", "inverted_triangle", "hex", "star", "plus"];

function open(row) { window.location.href = `report/${encodeURIComponent(ROWS[row].image)}.html`; }

function onTap(figure, data) {
  figure.add_tools(new Bokeh.TapTool());
  data.selected.properties.indices.change.connect(() => {
    const [first] = data.selected.indices;
    if (first !== undefined) open(data.data.row[first]);
  });
}

let mapFigure = null;
function drawMap(colouring) {
  const box = element("skymap");
  box.replaceChildren();
  const outlines = DATA.map.outlines.filter((outline) => outline.x.length);
  if (!outlines.length) { say(box, "p", "No footprint is known.", "soft"); return; }
  const all = (axis) => outlines.flatMap((outline) => outline[axis]);
  const [x0, x1] = extent(all("x"), 0.05), [y0, y1] = extent(all("y"), 0.05);
  const half = Math.max(x1 - x0, y1 - y0) / 2, cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
  const width = Math.min(560, box.clientWidth || 520);
  const [ra, dec] = DATA.map.center;
  const figure = newFigure({title: `about RA ${ra.toFixed(5)}°, Dec ${dec.toFixed(5)}°`, height: width, x_range: [cx + half, cx - half],
    y_range: [cy - half, cy + half], x_axis_label: "← east, arcmin", y_axis_label: "north, arcmin →"});
  if (colouring === "misfit") {
    const parts = DATA.overlaps.flatMap((pair) => pair.outlines.map((outline) => ({...outline, pair})));
    const worst = Math.max(...DATA.overlaps.map((pair) => pair.misfit), 1e-6);
    const mapper = new Bokeh.LinearColorMapper({palette: ["#00204c", "#213d6b", "#555b6c", "#7b7a77", "#a59c74", "#d3c064", "#ffe945"].reverse(),
      low: 0, high: worst});
    parts.sort((a, b) => a.pair.misfit - b.pair.misfit);
    const data = source({xs: parts.map((p) => p.x), ys: parts.map((p) => p.y), misfit: parts.map((p) => p.pair.misfit),
      n: parts.map((p) => p.pair.n), error: parts.map((p) => p.pair.error), one: parts.map((p) => ROWS[p.pair.one].image),
      other: parts.map((p) => ROWS[p.pair.other].image)});
    const drawn = figure.patches({xs: {field: "xs"}, ys: {field: "ys"}, source: data, fill_color: {field: "misfit", transform: mapper},
      fill_alpha: 0.85, line_color: null});
    hover(figure, [drawn], [["images", "@one, @other"], ["stars", "@n"], ["misfit", "@misfit{0.00} ± @error{0.00} mas"]]);
    figure.add_layout(new Bokeh.ColorBar({color_mapper: mapper, title: "misfit [mas]", width: 12}), "right");
  }
  for (const status of ["aligned", "reference", "not_aligned"]) {
    const mine = outlines.filter((outline) => ROWS[outline.row].status === status);
    if (!mine.length) continue;
    const data = source({xs: mine.map((o) => o.x), ys: mine.map((o) => o.y), row: mine.map((o) => o.row),
      name: mine.map((o) => ROWS[o.row].image), rms: mine.map((o) => ROWS[o.row].rms), why: mine.map((o) => ROWS[o.row].reason)});
    const drawn = figure.patches({xs: {field: "xs"}, ys: {field: "ys"}, source: data, line_color: COLOURS[status], line_width: 1.6,
      line_dash: status === "not_aligned" ? "dashed" : "solid", fill_color: COLOURS[status],
      fill_alpha: colouring === "misfit" ? 0 : Math.max(0.05, Math.min(0.35, 2 / mine.length)),
      ...(status === "not_aligned" ? {hatch_pattern: "right_diagonal_line", hatch_color: COLOURS[status], hatch_alpha: 0.5, hatch_scale: 12} : {}),
      legend_label: STATUS[status]});
    hover(figure, [drawn], [["image", "@name"], ["rms", "@rms{0.00} mas"], ["reason", "@why"]]);
    onTap(figure, data);
  }
  figure.legend.location = "top_left";
  figure.legend.label_text_font_size = "11px";
  figure.legend.background_fill_alpha = 0.75;
  mapFigure = figure;
  show(figure, "skymap");
}

function visits() { return [...new Set(ROWS.map((row) => row.visit))]; }

// A mark of its own for each visit, and one glyph for all: of thousands of images, too.
function points(figure, rows, x, y, legend) {
  const names = visits();
  const number = new Map(names.map((visit, i) => [visit, i]));
  const of = (r) => number.get(ROWS[r].visit);
  const data = source({x: rows.map(x), y: rows.map(y), row: rows, name: rows.map((r) => ROWS[r].image),
    visit: rows.map((r) => ROWS[r].visit || "no visit"), colour: rows.map((r) => CYCLE[of(r) % CYCLE.length]),
    mark: rows.map((r) => MARKS[of(r) % MARKS.length])});
  const drawn = figure.scatter({x: {field: "x"}, y: {field: "y"}, source: data, marker: {field: "mark"}, size: 8,
    fill_color: {field: "colour"}, fill_alpha: 0.6, line_color: {field: "colour"},
    ...(legend ? {legend_group: "visit"} : {})});
  hover(figure, [drawn], [["image", "@name"], ["visit", "@visit"], ["value", "@y"]]);
  onTap(figure, data);
}

function drawSeries() {
  const fitted = ROWS.map((_, i) => i).filter((i) => ROWS[i].status === "aligned");
  const box = element("series");
  if (!fitted.length) { say(box, "p", "No image was fitted.", "soft"); return; }
  const timed = fitted.every((i) => ROWS[i].mjd !== null);
  const start = timed ? Math.floor(Math.min(...fitted.map((i) => ROWS[i].mjd))) : 0;
  const x = (i) => timed ? ROWS[i].mjd - start : i + 1;
  let [low, high] = extent(fitted.map(x), 0.06);
  if (high - low < 2e-3) { low -= 0.01; high += 0.01; }
  for (const [name, label, value] of [["dx", "shift along x [px]", (r) => r.dx], ["dy", "shift along y [px]", (r) => r.dy],
    ["rotation", "rotation [deg]", (r) => r.rotation], ["scale", "scale − 1 [1e-6]", (r) => (r.scale - 1) * 1e6]]) {
    const id = `series_${name}`;
    say(box, "div", "", "panel").id = id;
    const values = fitted.map((i) => value(ROWS[i]));
    let [bottom, top] = extent(values, 0.1);
    if (top - bottom < 1e-6) { bottom -= 0.5; top += 0.5; }
    const named = name === "dx" && visits().length > 1 && visits().length <= 8;
    const figure = newFigure({height: named ? 250 : 230, x_range: [low, high], y_range: [bottom, top],
      x_axis_label: timed ? `MJD − ${start}` : "number of the image", y_axis_label: label});
    if (name === "dx" || name === "dy") rightAxis(figure, bottom, top, DATA.mas, "mas");
    points(figure, fitted, x, (i) => value(ROWS[i]), named);
    if (named) keyBeside(figure, "above", 4);
    show(figure, id);
  }
}

function drawQuality() {
  const fitted = ROWS.map((_, i) => i).filter((i) => ROWS[i].status === "aligned" && ROWS[i].rms !== null);
  const box = element("quality");
  if (!fitted.length) { say(box, "p", "No image was fitted.", "soft"); return; }
  const rms = fitted.map((i) => ROWS[i].rms);
  const n = fitted.map((i) => Math.max(1, ROWS[i].n_fit));
  const bottom = Math.max(Math.min(...rms), 1e-6) / 1.6, top = Math.max(...rms) * 1.6;
  const figure = newFigure({title: "rms against number of pairs", height: Math.min(560, box.clientWidth || 520), x_axis_type: "log", y_axis_type: "log",
    x_range: [Math.min(...n) / 1.5, Math.max(...n) * 1.5], y_range: [bottom, top], x_axis_label: "pairs kept", y_axis_label: "rms [mas]"});
  for (const [px, text] of [[0.05, "0.05 px: typical with Gaia"], [0.1, "0.1 px: wanted"], [0.5, "0.5 px: poor"]]) {
    const value = px * DATA.mas;
    if (value < bottom || value > top) continue;
    figure.segment({x0: [Math.min(...n) / 1.5], y0: [value], x1: [Math.max(...n) * 1.5], y1: [value], line_color: COLOURS.faint, line_dash: "dashed"});
    figure.text({x: [Math.min(...n) / 1.45], y: [value], text: [text], text_font_size: "11px", text_color: "#59636e"});
  }
  points(figure, fitted, (i) => Math.max(1, ROWS[i].n_fit), (i) => ROWS[i].rms, false);
  show(figure, "quality");
}

function setUpTable() {
  const body = element("table").tBodies[0];
  const lines = [...body.rows];
  lines.forEach((line, i) => { line.dataset.row = i; });
  document.querySelectorAll("#table th").forEach((head) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending", key = head.dataset.key;
    document.querySelectorAll("#table th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (line) => ROWS[line.dataset.row][key];
    const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    lines.sort((one, other) => {
      const a = value(one), b = value(other);
      if (a === null || b === null) return (a === null) - (b === null);
      return (up ? 1 : -1) * compare(a, b) || one.dataset.row - other.dataset.row;
    });
    body.append(...lines);
  }));
  const filter = element("filter");
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    let shown = 0;
    lines.forEach((line) => { line.hidden = !line.textContent.toLowerCase().includes(wanted); shown += !line.hidden; });
    element("shown").textContent = wanted ? `${shown} of ${lines.length}` : "";
  });
}

// What the last run did stands in a file of its own: this page is the same however it came about.
function tellStory() {
  const story = window.tweakregStory;
  if (!story) return;
  const box = element("story");
  if (story.first) { say(box, "p", `Recipe ${story.recipe}: the first run, ${story.jobs} jobs.`, "soft"); return; }
  say(box, "h2", "Since the run before");
  if (story.recipe) say(box, "p", `Recipe ${story.recipe}: ${story.jobs} jobs ran.`, "soft");
  const list = document.createElement("ul");
  for (const text of [...story.reasons, ...story.changes]) say(list, "li", text);
  if (list.children.length) box.append(list); else say(box, "p", "No parameter, file or result changed.");
}

// The fits know the parameters that they were made with; the run knows the whole recipe.
function tellRecipe() {
  const rows = window.tweakregStory?.recipe_differences;
  if (!rows) return;
  const table = document.createElement("table");
  const head = say(say(table, "thead", ""), "tr", "");
  for (const text of ["parameter", "value", "default", ""]) say(head, "th", text);
  for (const [name, value, normal, unit] of rows) {
    const line = say(table, "tr", "");
    say(say(line, "td", ""), "code", name);
    say(line, "td", value);
    say(line, "td", normal, "soft");
    say(line, "td", unit);
  }
  element("differences").replaceChildren(table);
}

setUpTable();
tellRecipe();
tellStory();
const hasOverlaps = DATA.overlaps.some((pair) => pair.outlines.length);
buttons("colours", [["status", "by status"], ["misfit", "overlaps by misfit", hasOverlaps]], "status", drawMap);
drawMap("status");
drawQuality();
drawSeries();
