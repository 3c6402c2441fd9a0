// The studio: models that make pictures of pictures. What is given on the left, the result beside.

import { Board, make } from "./board.js";
import { generate, load } from "./generator.js";
import { empty, paint, pictureFile, stripFile } from "./pictures.js";
import { Player, Reel, strip } from "./reel.js";

const PREDICTED = 12; // frames by which a film is continued
const QUICK = 80; // milliseconds of a run up to which results follow the pen
const element = (id) => document.getElementById(id);
const nextTask = () => new Promise((resolve) => setTimeout(resolve));

let model;
let areas = []; // a board or reel for each input, or for a picture and its mask
let drawn = () => ({}); // inputs that are not given: latents, class, numbers
let fail = console.error;
let wanted = false; // a run, after the one that is under way
let running = null; // the promise of runs until there is nothing new
let spent = 0; // milliseconds of the last run
let frames = []; // of the result: one picture, or a continued film
let player; // of a continued film
let turn = 0; // number of the request whose result is wanted
let asked = 0; // number of the example that is wanted, or of what was drawn since

/** What is given now: numbers by input, as the network takes them. */
export const given = () => Object.assign({}, ...areas.map((area) => area.values));

/**
 * Shows a model.
 *
 * @param {object} about As models.json tells of it.
 * @param {() => {z?: Float32Array, label?: number, numbers?: object}} others The other inputs.
 * @param {(error: Error) => void} failed
 */
export async function open(about, others, failed) {
  close();
  [model, drawn, fail] = [about, others, failed];
  const mine = model;
  areas = laid(model.given);
  element("boards").replaceChildren(...areas.map(({ node }) => node));
  element("play-on").hidden = !film() || !feedsBack();
  const [height, width] = model.image_shape;
  element("result-sheet").style.setProperty("--aspect", width / height);
  layExamples();
  empty(element("result"));
  element("result-strip").replaceChildren();
  setBusy(true);
  let missing; // an example: the model works without
  try {
    if (model.given[0].examples.length) await start(0).catch((error) => (missing = error));
    if (mine !== model) return;
    element("result-status").textContent = `Loading ${(model.bytes / 1e6).toFixed(1)} MB …`;
    await load(model);
  } catch (error) {
    if (mine !== model) return;
    fail(error);
    element("result-status").textContent = "";
    element("studio").setAttribute("aria-busy", "false");
    return;
  }
  if (mine !== model) return;
  run();
  if (missing) fail(missing);
}

export function close() {
  for (const area of areas) area.stop?.();
  player?.stop();
  [model, areas, frames, wanted] = [undefined, [], [], false];
  turn++;
  asked++;
}

/** One area for each input; a mask lies on the first picture of its size. */
function laid(inputs) {
  const changed = (drawing) => {
    asked++;
    if (!drawing) mark(null);
    if (!drawing || spent < QUICK) run();
  };
  const sides = ({ kind, shape }) => `${kind} ${shape.slice(0, 2)}`;
  const pictures = inputs.filter(({ kind }) => kind === "image");
  const masks = inputs.filter(({ kind }) => kind === "mask");
  const made = inputs
    .filter(({ kind }) => kind !== "mask")
    .map((input) => {
      if (input.kind === "film") return new Reel(input, changed);
      const place = masks.findIndex((mask) => `image ${mask.shape.slice(0, 2)}` === sides(input));
      return new Board([input, ...(place < 0 ? [] : masks.splice(place, 1))], changed);
    });
  const boards = [...made, ...masks.map((mask) => new Board([mask], changed))];
  const several = boards.length > 1 || pictures.length > 1;
  boards.forEach((board) => board.node.classList.toggle("small", several));
  return boards;
}

const film = () => areas.find((area) => area instanceof Reel);

/** Whether the result can be a frame of the film that it was made of. */
const feedsBack = () => String(film()?.shape) === String(model.image_shape);

// --- Examples ---

function layExamples() {
  const [{ name, kind, examples }] = model.given;
  element("examples").hidden = !examples.length;
  element("example-buttons").replaceChildren(
    ...examples.map((file, i) => {
      const image = make("img", { src: file, alt: "" });
      const button = make("button", { type: "button", className: `example ${kind}` }, image);
      button.setAttribute("aria-label", `Example ${i + 1} of ${name}`);
      button.addEventListener("click", () => start(i).then(run).catch(fail));
      return button;
    }),
  );
}

function mark(index) {
  [...element("example-buttons").children].forEach((each, i) =>
    each.setAttribute("aria-pressed", String(i === index)),
  );
}

/** Puts one example onto all areas. */
async function start(index) {
  const mine = ++asked;
  const bitmaps = {};
  for (const { name, examples } of model.given) {
    if (!examples[index]) continue;
    const response = await fetch(examples[index]);
    if (!response.ok) throw new Error(`${examples[index]}: ${response.status}`);
    bitmaps[name] = await createImageBitmap(await response.blob(), { premultiplyAlpha: "none" });
  }
  if (mine !== asked) return;
  for (const area of areas) {
    area.remember?.();
    area.put(bitmaps);
  }
  mark(index);
}

// --- The result ---

function setBusy(busy) {
  element("studio").setAttribute("aria-busy", String(busy));
  for (const id of ["download-result", "play-on"]) element(id).disabled = busy;
}

/** Makes the result anew; while it is being made, only the last change is kept. */
export function run() {
  if (!model) return;
  turn++;
  wanted = true;
  element("problem").hidden = true;
  setBusy(true);
  running ??= untilDone().finally(() => (running = null));
}

async function untilDone() {
  while (wanted && model) {
    wanted = false;
    const mine = model;
    try {
      const made = await once(given());
      if (mine === model) show([made]);
    } catch (error) {
      if (mine === model) fail(error);
    }
    await nextTask(); // lets the browser paint and the visitor draw
  }
  if (model) setBusy(false);
}

async function once(values) {
  const { z, label, numbers } = drawn();
  const { pixels, milliseconds } = await generate(model, z, label, numbers, values);
  spent = milliseconds;
  return pixels;
}

/** Shows the result: one picture, or a film of which the first frames were given. */
function show(made) {
  player?.stop();
  frames = made;
  const one = made.length === 1;
  element("play-on").textContent = one ? "Play on" : "Stop";
  const title = one ? (film() ? "Next frame" : "Result") : "Film";
  element("result-title").textContent = title;
  element("result-strip").replaceChildren();
  const time = spent < 0.1 ? "under 0.1" : spent.toFixed(spent < 10 ? 1 : 0);
  element("result-status").textContent = `Made in ${time} ms`;
  element("result").setAttribute("aria-label", `${title} of ${model.name}`);
  paint(element("result"), made[0], model.image_shape);
  if (one) return;
  const { count } = film();
  element("result-strip").replaceChildren(...strip(made, model.image_shape, count));
  const showing = (index) => {
    [...element("result-strip").children].forEach((each, i) =>
      each.classList.toggle("on", i === index),
    );
  };
  element("result-status").textContent = `${made.length} frames, of which ${count} were given`;
  player = new Player(element("result"), model.image_shape, showing);
  player.play(made, count);
}

/** Continues the film: each predicted frame becomes one of those from which the next is made. */
async function playOn() {
  if (frames.length > 1) return run();
  const [mine, about] = [++turn, model];
  const all = [...film().frames];
  const { count, input } = film();
  setBusy(true);
  try {
    for (let i = 0; i < PREDICTED && mine === turn; i++) {
      const last = all.slice(-count);
      const values = new Float32Array(count * last[0].length);
      last.forEach((frame, place) => values.set(frame, place * frame.length));
      all.push(await once({ ...given(), [input.name]: values }));
      if (mine === turn) element("result-status").textContent = `Frame ${all.length} …`;
      await nextTask();
    }
    if (mine === turn) show(all);
  } catch (error) {
    if (about === model) fail(error);
  } finally {
    if (mine === turn) setBusy(false);
  }
}

async function download() {
  const [shape, name] = [model.image_shape, model.name];
  const file = await (frames.length > 1 ? stripFile(frames, shape) : pictureFile(frames[0], shape));
  const link = make("a", { download: `${name}.png`, href: URL.createObjectURL(file) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Connects the studio's buttons, once. */
export function listen() {
  element("play-on").addEventListener("click", () => playOn());
  element("download-result").addEventListener("click", () => download().catch(fail));
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const board = areas.find((area) => area instanceof Board);
    if (model && files.length && board) board.take(files[0]);
  });
}
