// A reel: a short film that a visitor gives, which plays.

import { header, make } from "./board.js";
import { fit, paint, read } from "./pictures.js";

const MILLISECONDS = 250; // that a frame is shown
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Plays frames on a canvas, again and again. */
export class Player {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number[]} shape Height, width, channels of a frame.
   * @param {(index: number) => void} [showing] Told which frame is seen.
   */
  constructor(canvas, shape, showing = () => {}) {
    Object.assign(this, { canvas, shape, showing, frames: [], index: 0 });
  }

  play(frames, index = 0) {
    this.stop();
    Object.assign(this, { frames, index });
    this.step(0);
    // A pause on the last frame tells where the film begins again.
    const next = () => {
      const last = this.index === this.frames.length - 1;
      this.timer = setTimeout(() => (this.step(1), next()), last ? 3 * MILLISECONDS : MILLISECONDS);
    };
    if (!still.matches && frames.length > 1) next();
  }

  step(by) {
    this.index = (this.index + by) % this.frames.length;
    paint(this.canvas, this.frames[this.index], this.shape);
    this.showing(this.index);
  }

  stop() {
    clearTimeout(this.timer);
  }
}

/** Lays frames out as a strip of small canvases, of which one can be marked. */
export function strip(frames, shape, from = Infinity) {
  return frames.map((frame, i) => {
    const canvas = make("canvas", { className: i >= from ? "frame made" : "frame" });
    paint(canvas, frame, shape);
    return canvas;
  });
}

export class Reel {
  /**
   * @param {{name: string, shape: number[]}} input A film: frames, height, width, channels.
   * @param {(drawing: boolean) => void} changed
   */
  constructor(input, changed) {
    this.input = input;
    this.changed = changed;
    this.count = input.shape[0];
    this.shape = input.shape.slice(1);
    const [height, width, channels] = this.shape;
    const canvas = make("canvas", { width, height, id: `input-${input.name}`, className: "view" });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${input.name}, a film of ${this.count} frames`);
    this.frames = Array.from({ length: this.count }, () =>
      new Float32Array(height * width * channels).fill(1),
    );
    this.strip = make("div", { className: "strip" });
    const showing = (index) =>
      [...this.strip.children].forEach((each, i) => each.classList.toggle("on", i === index));
    this.player = new Player(canvas, this.shape, showing);
    const file = make("input", { type: "file", accept: "image/*", multiple: true });
    file.addEventListener("change", async () => {
      await this.take([...file.files]);
      file.value = "";
    });
    this.note = make("p", { className: "note alert" });
    this.note.setAttribute("role", "alert");
    const drop = make("div", { className: "drop" }, "Drop the frames here");
    const stage = make("div", { className: "sheet film" }, canvas, drop);
    stage.style.setProperty("--aspect", width / height);
    const choose = make("label", { className: "button" }, `Choose ${this.count} frames`, file);
    const head = header(input.name, "What came before.", choose);
    this.node = make("div", { className: "board" }, head, stage, this.strip, this.note);
    stage.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("dragging");
    });
    stage.addEventListener("dragleave", () => stage.classList.remove("dragging"));
    stage.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("dragging");
      this.take([...event.dataTransfer.files]);
    });
    this.show();
  }

  get values() {
    const all = new Float32Array(this.count * this.frames[0].length);
    this.frames.forEach((frame, i) => all.set(frame, i * frame.length));
    return { [this.input.name]: all };
  }

  show() {
    this.strip.replaceChildren(...strip(this.frames, this.shape));
    this.player.play(this.frames);
  }

  /** Puts a strip of frames, one beside the other, onto the reel. */
  put(bitmaps) {
    const bitmap = bitmaps[this.input.name];
    if (!bitmap) return;
    const width = bitmap.width / this.count;
    this.frames = Array.from({ length: this.count }, (_, i) =>
      this.framed(bitmap, [i * width, 0, width, bitmap.height]),
    );
    this.show();
  }

  framed(bitmap, part) {
    const [height, width, channels] = this.shape;
    const canvas = make("canvas", { width, height });
    fit(canvas, bitmap, channels === 4 ? null : "white", part);
    return read(canvas, channels);
  }

  /** Takes the last frames of picture files, in the order of their names. */
  async take(files) {
    this.note.textContent = "";
    files.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    if (files.length < this.count) {
      this.note.textContent = `A film has ${this.count} frames: choose as many pictures at once.`;
      return;
    }
    try {
      const bitmaps = files.slice(-this.count).map((file) => createImageBitmap(file));
      this.frames = (await Promise.all(bitmaps)).map((bitmap) => this.framed(bitmap));
    } catch {
      this.note.textContent = "This browser cannot read all of these as pictures.";
      return;
    }
    this.show();
    this.changed(false);
  }

  stop() {
    this.player.stop();
  }
}
