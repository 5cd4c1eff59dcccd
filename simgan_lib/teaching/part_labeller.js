// What PartLabeller (part_labeller.py) shows: one eye, enlarged, and the brush and the polygon that paint its parts.
// The mask travels whole, after each stroke; Python decides whether it is kept, and says so.

const PAGE = `<style>
.simgan-parts { max-width: 100%; line-height: 1.4; }
.simgan-parts div { margin: 6px 4px; }
.simgan-parts .row { display: flex; flex-wrap: wrap; gap: 6px; }
.simgan-parts button { min-height: 44px; min-width: 44px; padding: 0 10px; font: inherit; color: inherit; background: none;
  border: 1px solid; border-radius: 6px; touch-action: manipulation; }
.simgan-parts button[aria-pressed=true] { font-weight: bold; box-shadow: inset 0 0 0 3px; }
.simgan-parts i { display: inline-block; width: 14px; height: 14px; margin-right: 6px; border: 1px solid; vertical-align: -2px; }
.simgan-parts canvas { display: block; max-width: calc(100% - 8px); margin: 4px; touch-action: none; cursor: crosshair; }
.simgan-parts canvas:focus, .simgan-parts button:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px; }
.simgan-parts .said { font-weight: bold; overflow-wrap: anywhere; }
</style>
<div class="row" role="group" aria-label="part to paint"></div>
<div class="row" role="group" aria-label="tools"></div>
<canvas tabindex="0" role="application" aria-label="the eye, enlarged, to be painted" data-lm-suppress-shortcuts></canvas>
<div role="status"></div>
<div>Keys, in the image: numbers choose the part · [ ] brush · arrows move (shift: by 5) · space paints, held and moved a line ·
p polygon: space sets a corner, Enter or p closes, Esc leaves · z undo · h colours on or off</div>
<div class="said" role="alert"></div>`;           // the attribute of the canvas: else JupyterLab takes the keys
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LARGEST = 15;                                // brush, pixels
const COVER = 0.5;                                 // how much of a painted pixel is its part's colour
const TOOLS = [                                    // name, key, what it does
  ["brush −", "[", (my) => { my.brush = within(my.brush - 1, 1, LARGEST); }],
  ["brush +", "]", (my) => { my.brush = within(my.brush + 1, 1, LARGEST); }],
  ["polygon", "p", (my) => (my.corners ? my.close() : (my.corners = []))],
  ["undo", "z", (my) => my.undo()],
  ["colours", "h", (my) => { my.coloured = !my.coloured; }],
];

const within = (value, low, high) => Math.max(low, Math.min(high, value));
const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();

function line([x0, y0], [x1, y1]) {                                  // the pixels from one to the other
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1), at = (a, b, i) => Math.round(a + ((b - a) * i) / steps);
  return Array.from({ length: steps + 1 }, (_, i) => [at(x0, x1, i), at(y0, y1, i)]);
}

class Painter {
  constructor(model, root) {                                         // about: height, width, scale, parts, colours
    Object.assign(this, model.get("about"), { model, part: 1, brush: 3, corners: null, past: [], coloured: true, note: "" });
    this.gray = bytes(model.get("image"));
    this.every = Array.from(this.gray, (_, i) => [i % this.width, Math.floor(i / this.width)]);
    this.cursor = [this.width >> 1, this.height >> 1];
    root.className = "simgan-parts";
    root.innerHTML = PAGE;                                           // no word in it is of the learner's or a file's
    [this.canvas, this.status, this.said] = ["canvas", "[role=status]", ".said"].map((which) => root.querySelector(which));
    Object.assign(this.canvas, { width: this.width * this.scale, height: this.height * this.scale });
    this.pen = this.canvas.getContext("2d");
    this.buttons(...root.querySelectorAll(".row"));
    this.listen();
    this.take();
  }

  buttons(parts, tools) {
    const button = (row, text, does) => {
      const made = row.appendChild(document.createElement("button"));
      return Object.assign(made, { type: "button", textContent: text, onclick: () => this.change(does) });
    };
    this.choices = this.parts.map((name, k) => button(parts, `${k + 1} ${name}`, () => { this.part = k; }));
    this.choices.forEach((choice, k) => {
      choice.prepend(document.createElement("i"));
      choice.firstChild.style.background = k ? this.colours[k - 1] : "none";
    });
    this.tools = Object.fromEntries(TOOLS.map(([name, key, does]) => [name, button(tools, `${name} ${key}`, () => does(this))]));
  }

  listen() {
    const { canvas } = this, then = (does) => (event) => { does(event); this.show(); };
    canvas.onpointerdown = then((event) => {
      if (!event.isPrimary || event.button) return;
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      this.move(this.place(event));
      this.press();
    });
    canvas.onpointermove = then((event) => event.isPrimary && this.move(this.place(event)));
    canvas.onpointerup = canvas.onpointercancel = canvas.onblur = then(() => this.release());
    canvas.onkeyup = then((event) => event.key === " " && this.release());
    canvas.onkeydown = (event) => {
      const does = this.keyed(event);
      if (!does || event.metaKey || (event.ctrlKey && !event.altKey)) return;      // both together are AltGr: it makes [ and ]
      event.preventDefault();
      event.stopPropagation();
      this.change(does);
    };
  }

  keyed({ key, shiftKey, repeat }) {                                 // what a key does; nothing for those of others
    const step = STEPS[key], tool = TOOLS.find(([, its]) => its === key.toLowerCase());
    if (step) return () => this.move(this.cursor.map((at, axis) => at + step[axis] * (shiftKey ? 5 : 1)));
    if (key >= "1" && key <= String(this.parts.length)) return () => { this.part = key - 1; };
    if (tool) return () => tool[2](this);
    if (key === " ") return () => repeat || this.press();
    if (this.corners) return { Enter: () => this.close(), Escape: () => { this.corners = null; } }[key];
  }

  change(does) {
    this.note = "";
    does();
    this.show();
  }

  place({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * this.width, ((clientY - box.top) / box.height) * this.height].map(Math.floor);
  }

  // ---- strokes: what a pointer and keys have in common ----
  move([x, y]) {
    const from = this.cursor;
    this.cursor = [within(x, 0, this.width - 1), within(y, 0, this.height - 1)];
    if (this.before) this.brushed(line(from, this.cursor));
  }

  press() {
    if (this.corners) return this.corners.push(this.cursor);
    this.release();
    this.before = this.mask.slice();
    this.brushed([this.cursor]);
  }

  brushed(places) {                                                  // all pixels that the brush covers at one of the places
    this.paint(this.every.filter(([x, y]) => places.some(([px, py]) => 2 * Math.hypot(x - px, y - py) <= this.brush)));
  }

  paint(pixels) {
    for (const [x, y] of pixels) this.mask[y * this.width + x] = this.part;
  }

  release() {                                                        // a stroke ends
    if (this.before?.some((part, i) => part !== this.mask[i])) {
      this.past.push(this.before);
      this.send();
    }
    this.before = null;
  }

  close() {                                                          // a polygon: its edge, and what lies within by even and odd
    if (this.corners.length < 3) { this.note = "a polygon needs three corners"; return; }
    const path = new Path2D(), { corners } = this;
    corners.forEach((corner) => path.lineTo(...corner));
    this.release();
    this.before = this.mask.slice();
    this.paint(corners.flatMap((corner, i) => line(corners.at(i - 1), corner)));
    this.paint(this.every.filter((pixel) => this.pen.isPointInPath(path, ...pixel, "evenodd")));
    this.corners = null;
    this.release();
  }

  undo() {                                                           // in a polygon: its last corner, at last the polygon
    this.release();
    if (this.corners) this.corners = this.corners.length ? this.corners.slice(0, -1) : null;
    else if (!this.past.length) this.note = "nothing to undo";
    else { this.mask = this.past.pop(); this.send(); }
  }

  send() {
    this.model.set("drawn", new DataView(this.mask.slice().buffer));
    this.model.save_changes();
  }

  take() {
    this.mask = bytes(this.model.get("drawn"));
    this.show();
  }

  // ---- what is seen and heard ----
  show() {
    const { pen, scale } = this;
    const fill = (i, fillStyle, globalAlpha) => Object.assign(pen, { fillStyle, globalAlpha })
      .fillRect(...this.every[i].map((at) => at * scale), scale, scale);
    this.gray.forEach((gray, i) => fill(i, `rgb(${gray}, ${gray}, ${gray})`, 1));
    if (this.coloured) this.mask.forEach((part, i) => part && fill(i, this.colours[part - 1], COVER));
    Object.assign(pen, { globalAlpha: 1, strokeStyle: "#000", lineWidth: 4 }).stroke(this.outline());
    Object.assign(pen, { strokeStyle: "#fff", lineWidth: 1.5 }).stroke(this.outline());      // seen on dark and on light
    this.choices.forEach((choice, k) => choice.setAttribute("aria-pressed", k === this.part));
    this.tools.polygon.setAttribute("aria-pressed", Boolean(this.corners));
    this.tools.colours.setAttribute("aria-pressed", this.coloured);
    this.status.textContent = this.sentence();
    this.said.textContent = this.model.get("said");                  // never read as HTML
  }

  outline() {                                                        // the polygon so far, or the brush; the cursor's cross
    const path = new Path2D(), middle = (pixel) => pixel.map((at) => (at + 0.5) * this.scale), [x, y] = middle(this.cursor);
    if (this.corners) [...this.corners, this.cursor].forEach((corner) => path.lineTo(...middle(corner)));
    else path.arc(x, y, (this.brush * this.scale) / 2, 0, 2 * Math.PI);
    for (const [dx, dy] of [[this.scale, 0], [0, this.scale]]) {
      path.moveTo(x - dx, y - dy);
      path.lineTo(x + dx, y + dy);
    }
    return path;
  }

  sentence() {
    const [x, y] = this.cursor, share = (k) => (100 * this.mask.filter((part) => part === k).length) / this.mask.length;
    const tool = this.corners ? `polygon of ${this.corners.length} corners` : `brush ${this.brush} px`;
    const shares = this.parts.map((name, k) => `${name} ${share(k).toFixed(1)} %`).join(", ");
    return `painting ${this.parts[this.part]} · ${tool} · row ${y}, column ${x}: ${this.parts[this.mask[y * this.width + x]]} · `
      + shares + (this.note && ` · ${this.note}`);
  }
}

function render({ model, el }) {
  const painter = new Painter(model, el.appendChild(document.createElement("div")));
  const heard = { "change:drawn": () => painter.take(), "change:said": () => painter.show() };
  Object.entries(heard).forEach((which) => model.on(...which));
  return () => Object.entries(heard).forEach((which) => model.off(...which));
}

export default { render };
