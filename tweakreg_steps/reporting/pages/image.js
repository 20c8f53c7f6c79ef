"use strict";
const KINDS = ["kept", "clipped", "unmatched", "narrow"];
const NAMES = {kept: "pair kept", clipped: "pair clipped", unmatched: "no pair", narrow: "too narrow for a star"};
const MARKERS = {kept: "circle", clipped: "x", unmatched: "triangle", narrow: "square"};
const PAIRS = DATA.pairs, MAS = DATA.plane.mas;
const hasFit = PAIRS.ax.some((value) => value !== null) || DATA.references.x_fit.length > 0;
const moving = [];  // what "before" and "after" change

// The images that overlap this one: from a file that all pages share, as any image may change them.
function listNeighbours() {
  const box = element("neighbours");
  if (!window.OVERLAPS) { say(box, "p", "The table needs overlaps.js, which stands beside this page in the folder of the run.", "soft"); return; }
  const mine = OVERLAPS.rows.filter((row) => OVERLAPS.images[row.one].image === DATA.image || OVERLAPS.images[row.other].image === DATA.image);
  if (!mine.length) { say(box, "p", "No other image has enough sources in common with it to be compared.", "soft"); return; }
  const table = say(box, "table", ""), head = say(say(table, "thead", ""), "tr", ""), body = say(table, "tbody", "");
  ["image", "", "sources", "Δx [mas]", "Δy [mas]", "± [mas]", "misfit [mas]", "[px]", "rms [mas]", "χ²", "days apart"].forEach((text, i) => say(head, "th", text, i > 1 ? "n" : ""));
  for (const row of mine) {
    const isFirst = OVERLAPS.images[row.one].image === DATA.image;
    const other = OVERLAPS.images[isFirst ? row.other : row.one], sign = isFirst ? 1 : -1;
    const line = say(body, "tr", "", row.is_apart ? "not_aligned" : "");
    const name = say(line, "td", other.has_page ? "" : other.image, "name");
    if (other.has_page) say(name, "a", other.image).href = `${encodeURIComponent(other.image)}.html`;
    say(say(line, "td", ""), "span", row.is_apart ? "apart" : "agrees", `badge ${row.is_apart ? "not_aligned" : "aligned"}`);
    const mas = (value, digits) => value === null ? "–" : value.toFixed(digits).replace("-", "−");
    [[row.n, 0], [sign * row.dx, 2], [sign * row.dy, 2], [row.error, 2], [row.misfit, 2], [row.misfit / MAS, 3], [row.rms, 2], [row.chi2, 1],
      [row.gap, 2]].forEach(([value, digits]) => say(line, "td", mas(value, digits), "n"));
  }
}

function drawChips() {
  const frames = DATA.chips.map((chip) => drawChip(chip));
  return Promise.all(frames);
}

function drawChip(chip) {
  const id = `chip${chip.number}`;
  const width = element(id).clientWidth || 600;
  const figure = newFigure({title: chip.label, height: Math.round((width - 70) * Math.min(1.3, chip.ny / chip.nx)) + 110,
    x_range: [0.5, chip.nx + 0.5], y_range: [0.5, chip.ny + 0.5], x_axis_label: "x [px]", y_axis_label: "y [px]",
    active_scroll: undefined});
  const size = [Math.floor(chip.nx / chip.block) * chip.block, Math.floor(chip.ny / chip.block) * chip.block];
  for (const picture of [chip.picture, chip.mask]) {
    if (picture) figure.image_url({url: [picture], x: [0.5], y: [0.5], w: [size[0]], h: [size[1]], anchor: "bottom_left"});
  }
  const mine = DATA.sources;
  KINDS.forEach((kind, number) => {
    const rows = mine.x.map((_, i) => i).filter((i) => mine.chip[i] === chip.number && mine.kind[i] === number);
    if (!rows.length) return;
    const data = source({x: rows.map((i) => mine.x[i]), y: rows.map((i) => mine.y[i]), id: rows.map((i) => mine.id[i]),
      mag: rows.map((i) => mine.mag[i])});
    const drawn = figure.scatter({x: {field: "x"}, y: {field: "y"}, source: data, marker: MARKERS[kind], size: 9,
      fill_color: null, line_color: COLOURS[kind], line_width: 1.4, legend_label: `${NAMES[kind]} (${rows.length})`});
    hover(figure, [drawn], [["source", "@id"], ["x, y", "@x{0.00}, @y{0.00}"], ["magnitude", "@mag{0.00}"]]);
  });
  const references = DATA.references;
  const rows = references.x.map((_, i) => i).filter((i) => references.chip[i] === chip.number);
  if (rows.length) {
    const place = (x, y) => ({x: rows.map((i) => references[x][i]), y: rows.map((i) => references[y][i])});
    const data = source(place("x", "y"));
    figure.scatter({x: {field: "x"}, y: {field: "y"}, source: data, marker: "cross", size: 8, line_color: COLOURS.mark,
      line_width: 1.2, legend_label: `reference (${rows.length})`});
    moving.push((after) => { data.data = place(after ? "x_fit" : "x", after ? "y_fit" : "y"); });
  }
  keyBeside(figure, "below", 3);
  figure.legend.click_policy = "hide";
  return show(figure, id);
}

// Stars cut out of the image, with the place of their reference before and after the fit.
function drawStars() {
  const box = element("stars");
  const row = new Map(PAIRS.id.map((id, i) => [id, i]));
  const shown = DATA.stars.filter((star) => row.has(star.id)).slice(0, 18);
  if (!shown.length) { say(box, "p", "No star that was cut out has a pair.", "soft"); return; }
  const svg = (tag, attributes, parent) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    if (parent) parent.append(made);
    return made;
  };
  for (const star of shown) {
    const i = row.get(star.id), half = (star.size - 1) / 2;
    const figure = say(box, "figure", "");
    const view = svg("svg", {viewBox: `0 0 ${star.size} ${star.size}`, role: "img"}, figure);
    svg("image", {href: star.picture, width: star.size, height: star.size, style: "image-rendering:pixelated"}, view);
    const place = (x, y) => [x - star.x + half + 0.5, half + 0.5 - (y - star.y)];
    const mark = svg("g", {fill: "none", stroke: COLOURS.mark, "stroke-width": 0.6}, view);
    svg("circle", {r: 3}, mark);
    svg("path", {d: "M-6 0H-1.2M1.2 0H6M0 -6V-1.2M0 1.2V6"}, mark);
    const move = (after) => {
      const [x, y] = after && PAIRS.ax[i] !== null ? place(PAIRS.ax[i], PAIRS.ay[i]) : place(PAIRS.bx[i], PAIRS.by[i]);
      mark.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)})`);
    };
    move(false);
    moving.push(move);
    const off = Math.hypot(PAIRS.du[i], PAIRS.dv[i]);
    say(figure, "figcaption", `${star.id}: ${off.toFixed(3)} px, ${(off * MAS).toFixed(1)} mas${PAIRS.kept[i] ? "" : " (clipped)"}`);
  }
}

function setUpBlink() {
  let timer = null, after = false;
  const set = (value) => { after = value; moving.forEach((move) => move(value)); };
  const choose = (name) => {
    clearInterval(timer);
    if (name === "blink") timer = setInterval(() => set(!after), 800); else set(name === "after");
  };
  buttons("blink", [["before", "before the fit"], ["after", "after the fit", hasFit], ["blink", "blink", hasFit]],
    hasFit ? "after" : "before", choose);
  set(hasFit);
}

function drawOffsets() {
  const found = DATA.offsets;
  if (!found) return;
  const width = Math.min(520, element("offsets").clientWidth || 480);
  const figure = newFigure({title: "pairs by offset, image − reference", height: width - 10, x_range: [found.low, found.high],
    y_range: [found.low, found.high], x_axis_label: "dx [px]", y_axis_label: "dy [px]"});
  const side = found.high - found.low;
  figure.image_url({url: [found.picture], x: [found.low], y: [found.low], w: [side], h: [side], anchor: "bottom_left"});
  const size = Math.max(found.tolerance * 3, side / 28);
  found.peaks.forEach((peak, i) => {
    figure.rect({x: [peak.x], y: [peak.y], width: [2 * size], height: [2 * size], fill_color: null,
      line_color: peak.taken ? COLOURS.clipped : COLOURS.kept, line_width: peak.taken ? 2 : 1,
      line_dash: peak.taken ? "solid" : "dashed"});
    figure.text({x: [peak.x + size], y: [peak.y + size], text: [String(i + 1)], text_font_size: "12px",
      text_color: peak.taken ? COLOURS.clipped : COLOURS.kept});
  });
  show(figure, "offsets");
}

function phase(value) { return value === null ? null : ((value + 0.5) % 1 + 1) % 1 - 0.5; }

function drawResiduals() {
  if (!PAIRS.x.length) return;
  const against = [["x", "x [px]", PAIRS.x, PAIRS.x], ["y", "y [px]", PAIRS.y, PAIRS.y],
    ["magnitude", "instrumental magnitude", PAIRS.mag, PAIRS.mag],
    ["phase", "sub-pixel phase [px]", PAIRS.x.map(phase), PAIRS.y.map(phase)],
    ["chip", "chip", PAIRS.chip, PAIRS.chip]];
  const half = reach([...PAIRS.dx, ...PAIRS.dy].filter((_, i) => PAIRS.kept[i % PAIRS.kept.length]));
  const box = element("residuals");
  ["x", "y"].forEach((axis, which) => {
    const residual = which ? PAIRS.dy : PAIRS.dx;
    against.forEach(([name, label, ofX, ofY]) => {
      const values = which ? ofY : ofX;
      const id = `residual_${axis}_${name}`;
      say(box, "div", "", "panel").id = id;
      const [low, high] = extent(values, 0.06);
      const figure = newFigure({height: 215, x_range: name === "chip" ? [low - 0.5, high + 0.5] : [low, high], y_range: [-half, half],
        x_axis_label: name === "phase" ? `phase of ${axis} [px]` : label, y_axis_label: `residual in ${axis} [px]`, toolbar_location: null});
      rightAxis(figure, -half, half, MAS, "mas");
      figure.ray({x: [low - 1], y: [0], length: [0], angle: [0], line_color: COLOURS.faint});
      [1, 0].forEach((kept) => {
        const rows = values.map((_, i) => i).filter((i) => PAIRS.kept[i] === kept);
        const spread = (i) => name === "chip" ? values[i] + ((i * 7919) % 100 / 100 - 0.5) * 0.5 : values[i];
        figure.scatter({x: rows.map(spread), y: rows.map((i) => residual[i]), marker: kept ? "circle" : "x", size: kept ? 4 : 6,
          fill_color: kept ? COLOURS.kept : null, fill_alpha: 0.55, line_color: kept ? null : COLOURS.clipped});
      });
      if (name === "chip") figure.xaxis.ticker = new Bokeh.SingleIntervalTicker({interval: 1, num_minor_ticks: 0});
      else figure.xaxis.ticker = new Bokeh.BasicTicker({desired_num_ticks: 3});
      show(figure, id);
    });
  });
}

function drawVectors() {
  if (!PAIRS.u.length) return;
  const [x0, x1] = extent(PAIRS.u, 0.08), [y0, y1] = extent(PAIRS.v, 0.08);
  const field = Math.max(x1 - x0, y1 - y0, 50), middle = [(x0 + x1) / 2, (y0 + y1) / 2];
  const lengths = PAIRS.du.map((dx, i) => Math.hypot(dx, PAIRS.dv[i]));
  const kept = lengths.filter((_, i) => PAIRS.kept[i]).sort((a, b) => a - b);
  const typical = Math.max(kept.length ? kept[Math.floor(kept.length * 0.7)] : 0.01, 1e-4);
  const magnify = 0.05 * field / typical;
  const width = Math.min(640, element("vectors").clientWidth || 560);
  const figure = newFigure({title: "residuals on the reference plane, enlarged", height: width - 20,
    x_range: [middle[0] - 0.55 * field, middle[0] + 0.55 * field], y_range: [middle[1] - 0.62 * field, middle[1] + 0.58 * field],
    x_axis_label: "x [px of the reference plane]", y_axis_label: "y [px]"});
  [1, 0].forEach((flag) => {
    const rows = PAIRS.u.map((_, i) => i).filter((i) => PAIRS.kept[i] === flag && PAIRS.du[i] !== null);
    if (!rows.length) return;
    const factor = (i) => magnify * Math.min(1, 4 * typical / Math.max(lengths[i], 1e-12));
    const tips = {x: rows.map((i) => PAIRS.u[i] + PAIRS.du[i] * factor(i)), y: rows.map((i) => PAIRS.v[i] + PAIRS.dv[i] * factor(i))};
    const colour = flag ? COLOURS.kept : COLOURS.clipped;
    figure.segment({x0: rows.map((i) => PAIRS.u[i]), y0: rows.map((i) => PAIRS.v[i]), x1: tips.x, y1: tips.y, line_color: colour,
      line_dash: flag ? "solid" : "dashed", legend_label: flag ? "kept" : "clipped"});
    figure.scatter({x: rows.map((i) => PAIRS.u[i]), y: rows.map((i) => PAIRS.v[i]), size: 3, line_color: null, fill_color: colour,
      marker: "circle"});
  });
  const bar = roundLength(2 * typical * MAS), left = middle[0] - 0.5 * field, low = middle[1] - 0.56 * field;
  figure.segment({x0: [left], y0: [low], x1: [left + bar / MAS * magnify], y1: [low], line_width: 3, line_color: "black"});
  figure.text({x: [left], y: [low + 0.012 * field], text: [`${Number(bar.toPrecision(2))} mas = ${(bar / MAS).toPrecision(2)} px`], text_font_size: "12px"});
  const start = [middle[0] + 0.42 * field, low + 0.11 * field], arm = 0.075 * field;
  for (const [name, [u, v]] of [["N", DATA.plane.north], ["E", DATA.plane.east]]) {
    const end = [start[0] + arm * u, start[1] + arm * v];
    figure.add_layout(new Bokeh.Arrow({end: new Bokeh.NormalHead({size: 8}), x_start: start[0], y_start: start[1], x_end: end[0], y_end: end[1]}));
    figure.text({x: [end[0] + 0.25 * arm * u], y: [end[1] + 0.25 * arm * v], text: [name], text_align: "center", text_baseline: "middle",
      text_font_size: "13px"});
  }
  show(figure, "vectors");
}

// Plots that were asked for are there; others are not spoken of.
document.querySelectorAll("a.plot").forEach((link) => {
  const probe = new Image();
  probe.onload = () => { link.hidden = false; };
  probe.src = link.getAttribute("href");
});

listNeighbours();
if (window.Bokeh) {
  drawChips();
  drawStars();
  setUpBlink();
  drawOffsets();
  drawVectors();
  drawResiduals();
} else {
  element("nothing").hidden = false;
}
