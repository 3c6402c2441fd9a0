// The pads of models that make sounds: sixteen buttons, each of which plays a sample.

import { generate, load } from "./generator.js";
import { outline, play, wavFile } from "./sounds.js";

const KEYS = "1234qwerasdfzxcv"; // four rows of a keyboard
const COLUMNS = 4;
const DRAWN = 64; // columns of a waveform
const SVG = new DOMParser().parseFromString("<svg>", "text/html").body.firstChild.namespaceURI;
export const NUMBER = KEYS.length;

const element = (id) => document.getElementById(id);
const pads = () => [...element("pad-grid").children];
const nextTask = () => new Promise((resolve) => setTimeout(resolve));

let model = null;
let seed = 0;
let samples = []; // of the pads, each a Float32Array
let chosen = 0; // the pad that was played last
let newest = 0; // number of the request whose sounds are wanted
let playing = []; // what each pad plays, {source, timer}

/** The sounds of the pads, for scripts. */
export const sounds = () => samples;

export function listen() {
  element("pad-grid").append(...Array.from(KEYS, newPad));
  element("pad-grid").addEventListener("click", (event) => hit(padAt(event)));
  element("pad-grid").addEventListener("keydown", moved);
  element("download-sound").addEventListener("click", download);
  document.addEventListener("keydown", pressed);
}

function newPad(key, i) {
  const pad = document.createElement("button");
  Object.assign(pad, { type: "button", className: "pad", disabled: true, tabIndex: i ? -1 : 0 });
  pad.setAttribute("aria-keyshortcuts", key.toUpperCase());
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS(SVG, tag));
  svg.setAttribute("viewBox", `0 0 ${DRAWN} 2`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  const [letter, name] = ["kbd", "span"].map((tag) => document.createElement(tag));
  letter.textContent = key.toUpperCase();
  pad.append(svg, letter, name);
  return pad;
}

/**
 * Fills the pads with new sounds; a later call takes over from an earlier one.
 *
 * @param {object} wanted The model, as models.json tells of it.
 * @param {{z: Float32Array, label?: number, numbers: object}[]} plan What each pad is made of.
 * @param {number} from The seed, for names of files.
 * @param {(label: number) => string} className
 * @param {(error: Error) => void} fail
 */
export async function fill(wanted, plan, from, className, fail) {
  const mine = ++newest;
  [model, seed, samples] = [wanted, from, []];
  silence();
  setBusy(true);
  try {
    element("pad-status").textContent = `Loading ${model.name} …`;
    await load(model);
    if (mine !== newest) return;
    const made = await draw(mine, plan);
    if (mine !== newest) return;
    samples = made.map(({ pixels }) => pixels);
    show(plan, className);
    element("pad-status").textContent = spent(made.map(({ milliseconds }) => milliseconds));
  } catch (error) {
    if (mine === newest) fail(error);
  } finally {
    if (mine === newest) setBusy(false);
  }
}

async function draw(mine, plan) {
  const made = [];
  for (const { z, label, numbers } of plan) {
    made.push(await generate(model, z, label, numbers));
    await nextTask(); // lets the browser paint and the visitor click
    if (mine !== newest) break;
  }
  return made;
}

function show(plan, className) {
  pads().forEach((pad, i) => {
    pad.querySelector("path").setAttribute("d", outline(samples[i], DRAWN));
    const name = plan[i].label === undefined ? "" : className(plan[i].label);
    pad.querySelector("span").textContent = name;
    const said = [`Sound ${i + 1}`, name, `key ${KEYS[i].toUpperCase()}`];
    pad.setAttribute("aria-label", said.filter(Boolean).join(", "));
  });
  choose(0);
}

function spent(times) {
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  return `${times.length} at ${median.toFixed(median < 10 ? 1 : 0)} ms per sound (median)`;
}

function setBusy(busy) {
  element("pads").setAttribute("aria-busy", String(busy));
  const none = busy || !samples.length;
  for (const each of [...pads(), element("download-sound")]) each.disabled = none;
}

/** Leaves the pads: another model is shown. */
export function close() {
  newest++;
  silence();
  model = null;
}

// --- Playing ---

const padAt = (event) => pads().indexOf(event.target.closest(".pad"));

function choose(index) {
  chosen = index;
  element("download-sound").textContent = `Download sound ${index + 1}`;
}

function hit(index) {
  if (index < 0 || !model || pads()[index].disabled) return;
  stop(index); // one pad plays one sound at a time, as drum machines do
  const { rate } = model.sound;
  const source = play(samples[index], rate);
  pads()[index].classList.add("playing");
  const timer = setTimeout(() => stop(index), (1000 * samples[index].length) / rate);
  playing[index] = { source, timer };
  choose(index);
}

function stop(index) {
  if (!playing[index]) return;
  playing[index].source.stop();
  clearTimeout(playing[index].timer);
  pads()[index].classList.remove("playing");
  playing[index] = null;
}

function silence() {
  playing.forEach((_, index) => stop(index));
}

function pressed(event) {
  if (!model || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("select, textarea, input:not([type=radio], [type=range])")) return;
  const index = KEYS.indexOf(event.key.toLowerCase());
  if (event.key.length === 1 && index >= 0) hit(index);
}

/** Moves the focus between pads by arrow keys; one of them is in the tab order. */
function moved(event) {
  const index = padAt(event);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };
  const next = pads()[index + steps[event.key]];
  if (index < 0 || !next) return;
  pads()[index].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  event.preventDefault();
}

function download() {
  const link = document.createElement("a");
  link.download = `${model.name}-seed-${seed}-sound-${chosen + 1}.wav`;
  link.href = URL.createObjectURL(wavFile(samples[chosen], model.sound.rate));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
