// A board: the canvas on which a visitor gives a picture, a mask, or both in one.

import { fit, read, readMask, readable } from "./pictures.js";

const MOST_UNDO = 30;
let boards = 0; // made so far, for names of radio buttons

/** Makes an element: a tag, its properties, and what it contains. */
export function make(tag, properties = {}, ...content) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...content);
  return node;
}

/** Makes the line above a board: what it is, what to do, and a button. */
export function header(name, hint, button) {
  const title = name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
  const note = make("p", { className: "note" }, hint);
  return make("div", { className: "bar" }, make("h2", {}, title), note, button);
}

function canvasOf([height, width]) {
  return make("canvas", { width, height });
}

export class Board {
  /**
   * @param {{name: string, shape: number[]}[]} inputs A picture, a mask, or a picture and a mask of
   *     its size, which is then painted onto it.
   * @param {(drawing: boolean) => void} changed Called after each change; `drawing` is true while
   *     the pointer is down.
   */
  constructor(inputs, changed) {
    this.picture = inputs.find(({ kind }) => kind === "image");
    this.mask = inputs.find(({ kind }) => kind === "mask");
    this.changed = changed;
    this.shape = inputs[0].shape;
    this.paper = canvasOf(this.shape);
    this.hole = canvasOf(this.shape);
    this.past = [];
    this.build();
    this.clear();
  }

  get channels() {
    return this.picture?.shape[2] ?? 1;
  }

  /** The values of the inputs by name, numbers as the network takes them. */
  get values() {
    const values = {};
    if (this.picture) values[this.picture.name] = read(this.paper, this.channels);
    if (this.mask) values[this.mask.name] = readMask(this.hole);
    return values;
  }

  // --- What is on it ---

  /** Empties the board: white paper, and a hole in the middle where a mask is asked for. */
  clear() {
    const [height, width] = this.shape;
    const paper = readable(this.paper);
    paper.clearRect(0, 0, width, height);
    if (this.channels !== 4) {
      paper.fillStyle = "white";
      paper.fillRect(0, 0, width, height);
    }
    this.clearHole();
  }

  clearHole() {
    const [height, width] = this.shape;
    readable(this.hole).clearRect(0, 0, width, height);
    this.show();
  }

  /** Puts pictures onto the board: dict of bitmaps by input, of which one may be missing. */
  put(bitmaps) {
    if (this.picture && bitmaps[this.picture.name]) {
      const context = readable(this.paper);
      context.clearRect(0, 0, this.paper.width, this.paper.height);
      fit(this.paper, bitmaps[this.picture.name], this.channels === 4 ? null : "white");
    }
    if (this.mask && bitmaps[this.mask.name]) {
      const bytes = canvasOf(this.shape);
      fit(bytes, bitmaps[this.mask.name], "black");
      paintHole(this.hole, bytes);
    }
    this.show();
  }

  show() {
    const context = readable(this.view);
    const { width, height } = this.view;
    context.clearRect(0, 0, width, height);
    if (this.picture) context.drawImage(this.paper, 0, 0);
    if (!this.mask) return;
    const holes = readable(this.hole).getImageData(0, 0, width, height).data;
    const image = context.getImageData(0, 0, width, height);
    const cell = Math.max(1, Math.round(width / 32));
    for (let i = 0; i < width * height; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      const inside = holes[4 * i + 3] > 127;
      // A chequered hole, as image editors show what is not there.
      const light = (Math.floor(x / cell) + Math.floor(y / cell)) % 2 ? 255 : 196;
      if (inside) image.data.fill(light, 4 * i, 4 * i + 3);
      else if (!this.picture) image.data.fill(0, 4 * i, 4 * i + 3);
      if (inside || !this.picture) image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  remember() {
    const kept = [this.paper, this.hole].map((canvas) =>
      readable(canvas).getImageData(0, 0, canvas.width, canvas.height),
    );
    this.past = [...this.past.slice(1 - MOST_UNDO), kept];
    this.undo.disabled = false;
  }

  goBack() {
    const kept = this.past.pop();
    if (!kept) return;
    [this.paper, this.hole].forEach((canvas, i) =>
      readable(canvas).putImageData(kept[i], 0, 0),
    );
    this.undo.disabled = !this.past.length;
    this.show();
    this.changed(false);
  }

  /** Takes a picture file: as the picture, or as the mask where only that is asked for. */
  async take(file) {
    if (!file) return;
    this.note.textContent = "";
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      this.note.textContent = `This browser cannot read ${file.name || "that"} as a picture.`;
      return;
    }
    this.remember();
    this.put({ [(this.picture ?? this.mask).name]: bitmap });
    this.changed(false);
  }

  // --- Elements ---

  build() {
    const [height, width] = this.shape;
    const { name } = this.picture ?? this.mask;
    const what = this.mask ? "where to paint the hole" : "to draw on";
    this.view = canvasOf(this.shape);
    Object.assign(this.view, { id: `input-${name}`, className: "view" });
    this.view.setAttribute("role", "img");
    this.view.setAttribute("aria-label", `${name}, ${width} × ${height}, ${what}`);
    this.ring = make("div", { className: "ring", hidden: true });
    const drop = make("div", { className: "drop" }, "Drop the picture here");
    this.stage = make("div", { className: "sheet" }, this.view, this.ring, drop);
    this.stage.style.setProperty("--aspect", width / height);
    this.note = make("p", { className: "note alert" });
    this.note.setAttribute("role", "alert");
    const tools = this.tools(); // before the header, whose button they make
    const first = this.channels === 1 && !this.mask;
    const hint = this.mask
      ? "Paint a hole, or drop a picture."
      : first
        ? "Draw here, or drop a picture."
        : "Drop a picture, or draw here.";
    const head = header(name, hint, this.choose);
    this.node = make("div", { className: "board" }, head, this.stage, tools, this.note);
    this.listen();
  }

  tools() {
    const group = `tool-${++boards}`;
    const [first, second] = this.mask ? ["Hole", "Mend"] : ["Pen", "Eraser"];
    const radio = (text, value, checked) => {
      const input = make("input", { type: "radio", name: group, value, checked });
      return make("label", { className: "chip" }, input, text);
    };
    const kinds = make(
      "div",
      { className: "chips kinds" },
      radio(first, "pen", true),
      radio(second, "eraser", false),
    );
    kinds.setAttribute("role", "radiogroup");
    kinds.setAttribute("aria-label", "Tool");
    this.kinds = kinds;
    const side = Math.min(...this.shape.slice(0, 2));
    const usual = Math.max(1.5, Math.round(side / (this.mask ? 5 : 24)));
    this.size = make("input", { type: "range", min: 1, step: 0.5, max: Math.ceil(side / 3) });
    this.size.value = usual;
    const size = make("label", { className: "size" }, make("span", {}, "Size"), this.size);
    this.size.setAttribute("aria-label", "Size");
    this.colour = make("input", { type: "color", value: "#000000" });
    this.colour.setAttribute("aria-label", "Colour");
    const colour = make("label", { className: "size" }, this.colour);
    this.undo = make("button", { type: "button", textContent: "Undo", disabled: true });
    this.undo.addEventListener("click", () => this.goBack());
    const clear = make("button", { type: "button", textContent: "Clear" });
    clear.addEventListener("click", () => {
      this.remember();
      if (this.mask) this.clearHole();
      else this.clear();
      this.changed(false);
    });
    this.file = make("input", { type: "file", accept: "image/*" });
    this.file.addEventListener("change", async () => {
      await this.take(this.file.files[0]);
      this.file.value = "";
    });
    // Pictures come first where colour is asked for, drawings where grey is.
    const className = this.channels === 1 || this.mask ? "button" : "button main";
    this.choose = make("label", { className }, "Choose a picture", this.file);
    const coloured = !this.mask && this.channels > 1 ? [colour] : [];
    return make("div", { className: "tools" }, kinds, size, ...coloured, this.undo, clear);
  }

  // --- The pointer ---

  listen() {
    const { view, stage } = this;
    view.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      view.setPointerCapture(event.pointerId);
      this.remember();
      this.last = this.at(event);
      this.stroke(this.last);
      event.preventDefault();
    });
    view.addEventListener("pointermove", (event) => {
      this.follow(event);
      if (!this.last) return;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.stroke(this.at(each));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      view.addEventListener(end, () => {
        if (!this.last) return;
        this.last = null;
        this.changed(false);
      });
    }
    view.addEventListener("pointerleave", () => (this.ring.hidden = true));
    stage.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("dragging");
    });
    stage.addEventListener("dragleave", () => stage.classList.remove("dragging"));
    stage.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("dragging");
      this.take(event.dataTransfer.files[0]);
    });
  }

  at(event) {
    const box = this.view.getBoundingClientRect();
    const { width, height } = this.view;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return [(x / box.width) * width, (y / box.height) * height];
  }

  /** Shows the size of the pen around the mouse. */
  follow(event) {
    const box = this.view.getBoundingClientRect();
    const side = (this.size.value / this.view.width) * box.width;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    this.ring.hidden = event.pointerType !== "mouse";
    this.ring.style.cssText =
      `width:${side}px;height:${side}px;left:${x - side / 2}px;top:${y - side / 2}px`;
  }

  stroke(point) {
    const eraser = this.kinds.querySelector(":checked").value === "eraser";
    const context = readable(this.mask ? this.hole : this.paper);
    const seeThrough = eraser && (this.mask || this.channels === 4);
    context.globalCompositeOperation = seeThrough ? "destination-out" : "source-over";
    context.strokeStyle = eraser && !seeThrough ? "white" : this.mask ? "black" : this.colour.value;
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = Number(this.size.value);
    context.beginPath();
    context.moveTo(...this.last);
    context.lineTo(point[0] + 0.01, point[1]); // a point, too, leaves a mark
    context.stroke();
    context.globalCompositeOperation = "source-over";
    this.last = point;
    this.show();
    this.changed(true);
  }
}

/** Makes a mask's canvas opaque where another canvas is white. */
function paintHole(hole, bytes) {
  const { width, height } = hole;
  const levels = readable(bytes).getImageData(0, 0, width, height).data;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data[4 * i + 3] = levels[4 * i] > 127 ? 255 : 0;
  readable(hole).putImageData(image, 0, 0);
}
