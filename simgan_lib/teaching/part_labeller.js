// What PartLabeller (part_labeller.py) shows: one eye, enlarged, and the brush and the polygon that paint its parts.
// The mask travels whole, after each stroke; Python decides whether it is kept, and says so.

const STYLE = `
.simgan-parts { max-width: 100%; line-height: 1.4; }
.simgan-parts div { margin: 6px 4px; }
.simgan-parts .row { display: flex; flex-wrap: wrap; gap: 6px; }
.simgan-parts button { min-height: 44px; min-width: 44px; padding: 0 10px; font: inherit; color: inherit; background: none;
  border: 1px solid; border-radius: 6px; touch-action: manipulation; }
.simgan-parts button[aria-pressed=true] { font-weight: bold; box-shadow: inset 0 0 0 3px; }
.simgan-parts i { display: inline-block; width: 14px; height: 14px; margin-right: 6px; border: 1px solid; vertical-align: -2px; }
.simgan-parts canvas { display: block; max-width: calc(100% - 8px); margin: 4px; touch-action: none; cursor: crosshair; }
.simgan-parts canvas:focus, .simgan-parts button:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px; }
.simgan-parts .said { font-weight: bold; overflow-wrap: anywhere; }`;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LARGEST = 15;        // brush, pixels
const REMEMBERED = 50;     // strokes that can be undone
const COVER = 0.5;         // how much of a painted pixel is its part's colour

const within = (value, low, high) => Math.max(low, Math.min(high, value));
const TOOLS = [            // name, key, what it does
  ["smaller", "[", (my) => { my.brush = within(my.brush - 1, 1, LARGEST); }],
  ["larger", "]", (my) => { my.brush = within(my.brush + 1, 1, LARGEST); }],
  ["polygon", "p", (my) => (my.corners ? my.close() : (my.corners = []))],
  ["undo", "z", (my) => my.undo()],
  ["colours", "h", (my) => { my.coloured = !my.coloured; }],
];

const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();

function element(parent, tag, text = "", attributes = {}) {          // the text is never read as HTML
  const made = parent.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// ---- shapes: the pixels [x, y] that they cover ----
function line([x0, y0], [x1, y1]) {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1), at = (a, b, i) => Math.round(a + ((b - a) * i) / steps);
  return Array.from({ length: steps + 1 }, (_, i) => [at(x0, x1, i), at(y0, y1, i)]);
}

function disc([x, y], size) {
  const reach = Array.from({ length: 2 * size + 1 }, (_, i) => i - size);
  return reach.flatMap((dy) => reach.filter((dx) => 4 * (dx * dx + dy * dy) <= size * size).map((dx) => [x + dx, y + dy]));
}

function polygon(corners, width, height) {                           // its edge, and what lies inside it by even and odd
  const edges = corners.map((corner, i) => [corners.at(i - 1), corner]), pixels = edges.flatMap((ends) => line(...ends));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const crossed = edges.filter(([[x0, y0], [x1, y1]]) => y0 > y !== y1 > y && x < x0 + ((x1 - x0) * (y - y0)) / (y1 - y0));
      if (crossed.length % 2) pixels.push([x, y]);
    }
  return pixels;
}

class Painter {
  constructor(model, root) {                                         // about: height, width, scale, parts, colours
    Object.assign(this, model.get("about"), { model, part: 1, brush: 3, corners: null, past: [], coloured: true, note: "" });
    this.gray = bytes(model.get("image"));
    this.cursor = [this.width >> 1, this.height >> 1];
    this.build(root);
    this.listen();
    this.take();
  }

  build(root) {
    root.classList.add("simgan-parts");
    element(root, "style", STYLE);
    const row = (label) => element(root, "div", "", { class: "row", role: "group", "aria-label": label });
    const button = (into, text, act) => {
      const made = element(into, "button", text, { type: "button" });
      made.onclick = () => this.change(act);
      return made;
    };
    const parts = row("part to paint"), tools = row("tools");
    this.choices = this.parts.map((name, k) => button(parts, `${k + 1} ${name}`, () => { this.part = k; }));
    this.choices.forEach((choice, k) => {
      choice.prepend(element(choice, "i"));
      choice.firstChild.style.background = k ? this.colours[k - 1] : "none";
    });
    this.tools = Object.fromEntries(TOOLS.map(([name, key, act]) => [name, button(tools, `${name} ${key}`, () => act(this))]));
    this.canvas = element(root, "canvas", "", { tabindex: 0, role: "application", width: this.width * this.scale,
      height: this.height * this.scale, "aria-label": `the eye, enlarged: paint its parts, ${this.parts.join(", ")}`,
      "data-lm-suppress-shortcuts": "true" });                       // else JupyterLab takes the keys
    this.status = element(root, "div", "", { role: "status" });
    element(root, "div", `Keys, in the image: 1 to ${this.parts.length} part · [ ] brush · arrows move (shift: by 5) · space paints, `
      + "held and moved a line · p polygon: space sets a corner, Enter or p closes, Esc leaves · z undo · h colours on or off");
    this.said = element(root, "div", "", { class: "said", role: "alert" });
  }

  listen() {
    const { canvas } = this, act = (does) => (event) => { does(event); this.show(); };
    canvas.onpointerdown = act((event) => {
      if (!event.isPrimary || event.button) return;
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      this.move(this.place(event));
      this.press();
    });
    canvas.onpointermove = act((event) => event.isPrimary && this.move(this.place(event)));
    canvas.onpointerup = canvas.onpointercancel = canvas.onblur = act(() => this.release());
    canvas.onkeyup = act((event) => event.key === " " && this.release());
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
    return { " ": () => repeat || this.press(), Enter: () => this.corners && this.close(), Escape: () => { this.corners = null; } }[key];
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
    if (this.before) this.paint(line(from, this.cursor).flatMap((pixel) => disc(pixel, this.brush)));
  }

  press() {
    if (this.corners) this.corners.push(this.cursor);
    else this.begin(disc(this.cursor, this.brush));
  }

  begin(pixels) {
    this.release();
    this.before = this.mask.slice();
    this.paint(pixels);
  }

  paint(pixels) {
    for (const [x, y] of pixels)
      if (x >= 0 && x < this.width && y >= 0 && y < this.height) this.mask[y * this.width + x] = this.part;
  }

  release() {                                                        // a stroke ends
    if (this.before && this.before.some((part, i) => part !== this.mask[i])) {
      this.past = [...this.past, this.before].slice(-REMEMBERED);
      this.send();
    }
    this.before = null;
  }

  close() {
    if (this.corners.length < 3) { this.note = "a polygon needs three corners"; return; }
    this.begin(polygon(this.corners, this.width, this.height));
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
    const pen = this.canvas.getContext("2d");
    this.gray.forEach((gray, i) => {
      const box = [(i % this.width) * this.scale, Math.floor(i / this.width) * this.scale, this.scale, this.scale];
      const colours = this.coloured && this.mask[i] ? [[this.colours[this.mask[i] - 1], COVER]] : [];
      for (const [colour, alpha] of [[`rgb(${gray}, ${gray}, ${gray})`, 1], ...colours]) {
        Object.assign(pen, { fillStyle: colour, globalAlpha: alpha }).fillRect(...box);
      }
    });
    pen.globalAlpha = 1;
    for (const [colour, width] of [["#000", 4], ["#fff", 1.5]]) {    // seen on dark and on light
      Object.assign(pen, { strokeStyle: colour, lineWidth: width }).stroke(this.outline());
    }
    this.choices.forEach((choice, k) => choice.setAttribute("aria-pressed", k === this.part));
    this.tools.polygon.setAttribute("aria-pressed", Boolean(this.corners));
    this.tools.colours.setAttribute("aria-pressed", this.coloured);
    this.status.textContent = this.sentence();
    this.said.textContent = this.model.get("said");
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
    return [`painting ${this.parts[this.part]}`, this.corners ? `polygon of ${this.corners.length} corners` : `brush ${this.brush} px`,
      `row ${y}, column ${x}: ${this.parts[this.mask[y * this.width + x]]}`,
      this.parts.map((name, k) => `${name} ${share(k).toFixed(1)} %`).join(", "), ...(this.note ? [this.note] : [])].join(" · ");
  }
}

function render({ model, el }) {
  const painter = new Painter(model, element(el, "div")), taken = () => painter.take(), told = () => painter.show();
  model.on("change:drawn", taken);
  model.on("change:said", told);
  return () => { model.off("change:drawn", taken); model.off("change:said", told); };
}

export default { render };
