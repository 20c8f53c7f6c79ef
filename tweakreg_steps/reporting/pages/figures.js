"use strict";
// What both kinds of pages draw with: figures of Bokeh in the colours of Okabe and Ito.
const DATA = JSON.parse(document.getElementById("data").textContent);
const COLOURS = {aligned: "#0072b2", not_aligned: "#d55e00", reference: "#117a5b",
  kept: "#0072b2", clipped: "#d55e00", unmatched: "#8a6d00", narrow: "#999999", mark: "#cc3377", faint: "#b8bfc6"};

function element(id) { return document.getElementById(id); }

function say(parent, tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  parent.append(made);
  return made;
}

// A figure in an element: plain axes, the tools on demand, the height in pixels of the screen.
function newFigure(options) {
  const figure = Bokeh.Plotting.figure({tools: "pan,wheel_zoom,box_zoom,reset,save", toolbar_location: "above",
    sizing_mode: "stretch_width", min_border: 4, background_fill_color: "white", ...options});
  figure.toolbar.logo = null;
  figure.toolbar.autohide = true;
  figure.grid.grid_line_color = "#e9ecef";
  for (const axis of [figure.xaxis, figure.yaxis].flat()) {
    axis.axis_label_text_font_style = "normal";
    axis.axis_label_text_font_size = "12px";
    axis.axis_label_standoff = 3;
  }
  return figure;
}

function show(figure, id) { return Bokeh.Plotting.show(figure, `#${id}`); }

function source(data) { return new Bokeh.ColumnDataSource({data}); }

function hover(figure, renderers, tooltips) {
  figure.add_tools(new Bokeh.HoverTool({renderers, tooltips}));
}

// A second axis to the right, in another unit.
function rightAxis(figure, low, high, factor, label) {
  figure.extra_y_ranges = {other: new Bokeh.Range1d({start: low * factor, end: high * factor})};
  figure.y_range.start = low;
  figure.y_range.end = high;
  const axis = new Bokeh.LinearAxis({y_range_name: "other", axis_label: label,
    axis_label_text_font_style: "normal", axis_label_text_font_size: "12px"});
  figure.add_layout(axis, "right");
  const follow = () => {
    figure.extra_y_ranges.other.setv({start: figure.y_range.start * factor, end: figure.y_range.end * factor});
  };
  figure.y_range.properties.start.change.connect(follow);
  figure.y_range.properties.end.change.connect(follow);
}

// The key of a figure outside of its frame, where it covers nothing.
function keyBeside(figure, side, columns) {
  const legend = figure.legend;
  figure.add_layout(legend, side);
  legend.ncols = columns;
  legend.border_line_color = null;
  legend.margin = 2;
  legend.label_text_font_size = "11px";
  legend.spacing = 0;
  legend.padding = 4;
}

function numbers(values) { return values.filter((value) => value !== null && Number.isFinite(value)); }

function extent(values, margin) {
  const found = numbers(values);
  if (!found.length) return [-1, 1];
  let low = Math.min(...found), high = Math.max(...found);
  const room = Math.max((high - low) * margin, 1e-9 * Math.max(1, Math.abs(high)), 1e-12);
  return [low - room, high + room];
}

// Half the height of a panel of residuals: what is far out is left out of the frame.
function reach(values) {
  const found = numbers(values).map(Math.abs).sort((a, b) => a - b);
  if (!found.length) return 0.1;
  const median = found[Math.floor(found.length / 2)];
  return Math.max(Math.min(6 * 1.4826 * median, found[found.length - 1] * 1.1), 1e-3);
}

function roundLength(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return [5, 2, 1].map((factor) => factor * power).find((value) => value <= length * 1.0000001) || power;
}

function buttons(id, names, pressed, choose) {
  const bar = element(id);
  names.forEach(([name, text, enabled]) => {
    const button = say(bar, "button", text);
    button.type = "button";
    button.disabled = enabled === false;
    button.setAttribute("aria-pressed", String(name === pressed));
    button.addEventListener("click", () => {
      bar.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      choose(name);
    });
  });
}
