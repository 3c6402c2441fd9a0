// The page's controls. Latents, models and pictures are the affair of the other modules, and so are
// models that make pictures of pictures, the studio, and models that make sounds, the pads.

import { generate, load } from "./generator.js";
import { between, drawLatents, move, truncate } from "./latents.js";
import * as pads from "./pads.js";
import { empty, gridFile, paint } from "./pictures.js";
import * as studio from "./studio.js";
import { encode, mistake } from "./texts.js";

const LETTERS = ["A", "B", "C"];
const MOST_SEED = 2 ** 32 - 1;
const narrow = matchMedia("(max-width: 640px)");
const element = (id) => document.getElementById(id);
const nextTask = () => new Promise((resolve) => setTimeout(resolve));

let models = [];
let model;
let seed = 0;
let samples = []; // {z, label, numbers} of each tile
let points = { A: 0, B: 1, C: 2 }; // samples that the walk goes between
let newest = 0; // number of the request whose images are wanted
let text = ""; // what to draw, for models that take texts

/**
 * What scripts may use: `await kerasgan.generate(name, z, label, numbers, given)` gives the model's
 * image for its inputs as a Float32Array, height x width x channels numbers in [-1, 1], or the
 * samples of its sound. `kerasgan.given()` is what the studio shows now, numbers by input, and
 * `kerasgan.sounds()` what the pads play. `kerasgan.models` is what models.json says; all are there
 * once `await kerasgan.ready` is over.
 */
Object.assign(window.kerasgan, {
  given: studio.given,
  sounds: pads.sounds,
  generate: async (name, z, label, numbers, given) => {
    const wanted = models.find((candidate) => candidate.name === name);
    if (!wanted) throw new RangeError(`There is no model "${name}".`);
    return (await generate(wanted, z, label, numbers, given)).pixels;
  },
});
if (!window.kerasgan.problem) window.kerasgan.ready = begin().catch(fail);

async function begin() {
  const response = await fetch("models.json");
  if (!response.ok) throw new Error(`models.json: ${response.status} ${response.statusText}`);
  const about = await response.json();
  models = window.kerasgan.models = about.models;
  element("version").textContent = `kerasgan ${about.kerasgan}`;
  element("model").append(...choices());
  listen();
  chooseModel();
}

/** Returns the names to choose from, below the headings of their kinds if there are several. */
function choices() {
  const kinds = [...new Set(models.map(({ kind }) => kind))];
  const named = (some) => some.map(({ name }) => new Option(name, name));
  if (kinds.length === 1) return named(models);
  return kinds.map((kind) => {
    const group = Object.assign(document.createElement("optgroup"), { label: kind });
    group.append(...named(models.filter((candidate) => candidate.kind === kind)));
    return group;
  });
}

function listen() {
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  element("model").addEventListener("change", chooseModel);
  element("seed").addEventListener("input", () => redraw());
  for (const id of ["new-seed", "new-sounds"]) {
    element(id).addEventListener("click", () => {
      element("seed").value = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
      redraw();
    });
  }
  element("truncation").addEventListener("input", () => redraw());
  element("class-buttons").addEventListener("change", () => redraw({ afresh: true }));
  element("numbers").addEventListener("input", () => redraw());
  element("text").addEventListener("input", () => redraw());
  element("download").addEventListener("click", () => download().catch(fail));
  element("grid").addEventListener("click", (event) => choose(tileAt(event)));
  element("grid").addEventListener("keydown", pressed);
  for (const radio of document.querySelectorAll("[name=point]")) {
    radio.addEventListener("change", () => describeWalk());
  }
  for (const id of ["along", "aside", "direction-sliders"]) {
    element(id).addEventListener("input", drawWalk);
  }
  narrow.addEventListener("change", () => redraw({ afresh: true }));
  studio.listen();
  pads.listen();
}

function fail(error) {
  console.error(error);
  element("problem").hidden = false;
  element("problem").textContent = `This did not work: ${error.message || error}`;
  element("status").textContent = "";
}

// --- What to draw ---

function chooseModel() {
  model = models.find(({ name }) => name === element("model").value);
  document.title = `${model.name} · kerasgan`;
  element("app").dataset.model = model.name;
  for (const id of ["samples", "walk-card"]) {
    element(id).hidden = Boolean(model.given || model.sound);
  }
  element("studio").hidden = !model.given;
  element("pads").hidden = !model.sound;
  element("seed-field").hidden = !model.latent_dim;
  element("facts").textContent = facts(model);
  element("classes").hidden = !model.num_classes;
  element("text-field").hidden = !model.texts;
  const names = (model.numbers ?? []).map(({ name }) => name);
  element("truncation-field").hidden =
    model.prior?.distribution !== "normal" || names.includes("truncation");
  const classes = ["all", ...Array(model.num_classes ?? 0).keys()];
  element("class-buttons").replaceChildren(...classes.slice(model.given ? 1 : 0).map(classButton));
  element("numbers").replaceChildren(...(model.numbers ?? []).map(numberSlider));
  element("directions").hidden = !model.directions;
  element("direction-sliders").replaceChildren(...(model.directions ?? []).map(directionSlider));
  studio.close();
  pads.close();
  element("problem").hidden = true;
  newest++; // whatever is being drawn is not wanted any more
  if (!model.given) return redraw({ afresh: true });
  readSeed();
  readText();
  studio.open(model, others, fail);
}

/** The inputs of a model of pictures that are not given: the first sample's. */
function others() {
  const z = model.latent_dim ? truncate(drawLatents(model, seed, 0), threshold()) : undefined;
  return { z, label: chosenClass() ?? 0, numbers: chosenNumbers() };
}

function facts({ variant, image_shape, sound, given, latent_dim, prior, bytes, score }) {
  const size = sound ? durationOf(sound) : sizeOf(image_shape);
  const parts = [variant, given ? `${given.map(giving).join(" and ")} → ${size}` : size];
  if (latent_dim) {
    const range = [prior.low, prior.high].map((end) => Number(end?.toFixed(2)));
    const drawn = prior.distribution === "normal" ? "normal" : `uniform in ${range.join(" to ")}`;
    parts.push(`${latent_dim} latents, ${drawn}`);
  }
  parts.push(megabytes(bytes));
  if (!score) return `${parts.join(" · ")}.`;
  const { metric, value, n_fake, n_real, dataset, split } = score;
  return (
    `${parts.join(" · ")}. ${metric} ${value.toFixed(1)}: ` +
    `${n_fake} samples against ${n_real} ${sound ? "sounds" : "images"} of ${dataset}, ${split}.`
  );
}

const COLOURS = { 1: "grey", 3: "colour", 4: "transparent" };
const sizeOf = ([height, width, channels]) => `${width} × ${height}, ${COLOURS[channels]}`;
const durationOf = ({ length, rate }) => `${(length / rate).toFixed(2)} s at ${rate / 1000} kHz`;

function giving({ name, kind, shape }) {
  if (kind === "mask") return name;
  if (kind === "film") return `${shape[0]} ${name}, ${sizeOf(shape.slice(1))}`;
  return `${name}, ${sizeOf(shape)}`;
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1)} MB`;

function classButton(value, place) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name: "class", value, checked: place === 0 });
  label.className = "chip";
  label.append(input, value === "all" ? "All" : className(value));
  return label;
}

/** Makes the slider of a number; where its range is open, it ends as far beyond the default as that
 * is from the other end, or by 1. */
function numberSlider({ name, default: usual, low, high }) {
  const from = (end) => (end === null ? 1 : Math.abs(end - usual) || 1);
  const [min, max] = [low ?? usual - from(high), high ?? usual + from(low)];
  return slider(name, { id: `number-${name}`, min, max, step: "any", value: usual });
}

function directionSlider(_, i) {
  const id = `direction-${i + 1}`;
  return slider(`Direction ${i + 1}`, { id, min: -4, max: 4, step: 0.1, value: 0 });
}

function slider(name, properties) {
  const row = document.createElement("div");
  const [label, output, input] = ["label", "output", "input"].map((tag) =>
    document.createElement(tag),
  );
  input.type = "range"; // before its ends, which a text field would not keep to
  Object.assign(input, { name, ...properties });
  Object.assign(label, { htmlFor: input.id, textContent: name });
  output.textContent = Number(input.value).toFixed(2);
  row.className = "slider";
  row.append(label, output, input);
  return row;
}

/** Returns where the sliders within an element stand, each with its name. */
function standing(id) {
  const sliders = [...element(id).querySelectorAll("input")];
  for (const each of sliders) {
    each.previousElementSibling.textContent = Number(each.value).toFixed(2);
  }
  return sliders.map(({ name, value }) => [name, Number(value)]);
}

/** Returns where the sliders of numbers stand, and the vectors of texts, by name. */
function chosenNumbers() {
  const vectors = (model.texts ?? []).map(({ name, encoder }) => [name, encode(encoder, text)]);
  return Object.fromEntries([...standing("numbers"), ...vectors]);
}

/** Returns the name of a class, or its number where it has none. */
const className = (label) => model.class_names?.[label] ?? String(label);

/** Returns the class chosen, or null for all. */
function chosenClass() {
  const { value } = element("controls").elements.class ?? { value: "all" };
  return value === "all" ? null : Number(value);
}

/** Takes the seed out of its box, and says whether there is one. */
function readSeed() {
  const box = element("seed");
  const valid = box.validity.valid;
  box.setAttribute("aria-invalid", String(!valid));
  element("seed-note").textContent = valid ? "" : `A whole number from 0 to ${MOST_SEED}, please.`;
  if (valid) seed = Number(box.value);
  return valid;
}

/** Takes the text out of its box, and says whether it can be drawn. */
function readText() {
  if (!model.texts) return true;
  const problem = mistake(element("text").value);
  element("text").setAttribute("aria-invalid", String(Boolean(problem)));
  element("text-note").textContent = problem;
  if (!problem) text = element("text").value;
  return !problem;
}

/** One column for each class where they fit, so that a column shows one thing. */
function layout() {
  const classes = model.num_classes;
  if (chosenClass() === null && classes >= 5 && classes <= 12) {
    const columns = narrow.matches && classes > 6 ? Math.ceil(classes / 2) : classes;
    return { columns, rows: 6 };
  }
  return narrow.matches ? { columns: 6, rows: 6 } : { columns: 8, rows: 8 };
}

/** Returns the threshold of the truncation trick; at the right end of the slider there is none. */
function threshold() {
  const { value, max } = element("truncation");
  const none = element("truncation-field").hidden || Number(value) === Number(max);
  const said = none ? "none" : Number(value).toFixed(2);
  element("truncation-value").textContent = said;
  element("truncation").setAttribute("aria-valuetext", said);
  return none ? Infinity : Number(value);
}

function plan(num) {
  const label = chosenClass();
  const most = threshold();
  const numbers = chosenNumbers();
  return Array.from({ length: num }, (_, i) => ({
    z: truncate(drawLatents(model, seed, i), most),
    numbers,
    label: model.num_classes ? (label ?? i % model.num_classes) : undefined,
  }));
}

// --- The grid ---

/** Draws all samples; a later call takes over from an earlier one. */
async function redraw({ afresh = false } = {}) {
  const [seeded, told] = [readSeed(), readText()];
  if (!(seeded || afresh) || !(told || (afresh && text))) return; // once shown, the last text stays
  if (model.given) return studio.run();
  const mine = ++newest;
  if (model.sound) {
    element("problem").hidden = true;
    return pads.fill(model, plan(pads.NUMBER), seed, className, fail);
  }
  const { columns, rows } = layout();
  samples = plan(columns * rows);
  if (afresh) {
    const step = model.num_classes && chosenClass() === null ? model.num_classes : 1;
    const last = samples.length - 1;
    points = { A: 0, B: Math.min(step, last), C: Math.min(2 * step, last) };
  }
  layTiles(columns, rows);
  element("problem").hidden = true;
  setBusy(true);
  try {
    element("status").textContent = `Loading ${model.name}, ${megabytes(model.bytes)} …`;
    await load(model);
    if (mine !== newest) return;
    element("status").textContent = `Drawing ${samples.length} samples …`;
    drawPoints();
    const times = await drawSamples(mine);
    if (mine !== newest) return;
    finish(times);
    setBusy(false);
  } catch (error) {
    if (mine === newest) giveUp(error);
  }
}

/** Leaves an empty grid: what it showed was another model's, or another seed's. */
function giveUp(error) {
  fail(error);
  setBusy(false);
  element("download").disabled = true;
  for (const tile of tiles()) empty(tile.querySelector("canvas"));
}

async function drawSamples(mine) {
  const [shape, wanted, times] = [model.image_shape, samples, []];
  let rested = performance.now();
  for (const [i, { z, label, numbers }] of wanted.entries()) {
    const { pixels, milliseconds } = await generate(model, z, label, numbers);
    if (mine !== newest) return times;
    times.push(milliseconds);
    paint(tiles()[i].querySelector("canvas"), pixels, shape);
    if (performance.now() - rested > 12) {
      element("progress").value = (i + 1) / wanted.length;
      await nextTask(); // lets the browser paint and the visitor click
      if (mine !== newest) return times;
      rested = performance.now();
    }
  }
  return times;
}

function finish(times) {
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  const spent = median < 0.1 ? "under 0.1" : median.toFixed(median < 10 ? 1 : 0);
  element("status").textContent = `${times.length} at ${spent} ms per image (median)`;
}

function setBusy(busy) {
  element("grid").setAttribute("aria-busy", String(busy));
  element("progress").value = 0;
  element("progress").classList.toggle("hidden", !busy);
  element("download").disabled = busy;
}

const tiles = () => [...element("grid").children];

function layTiles(columns, rows) {
  const grid = element("grid");
  element("app").style.setProperty("--columns", columns);
  element("app").style.setProperty("--rows", rows);
  grid.dataset.columns = columns;
  grid.setAttribute("aria-label", `${samples.length} samples of ${model.name}, seed ${seed}`);
  while (grid.children.length > samples.length) grid.lastChild.remove();
  while (grid.children.length < samples.length) grid.append(newTile());
  markTiles();
}

function newTile() {
  const tile = document.createElement("button");
  tile.type = "button";
  tile.className = "tile";
  tile.tabIndex = -1;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [model.image_shape[1], model.image_shape[0]];
  tile.append(canvas, document.createElement("span"));
  return tile;
}

/** Names the tiles, shows which are A, B and C, and keeps one of them in the tab order. */
function markTiles() {
  const all = tiles();
  all.forEach((tile, i) => {
    const letters = LETTERS.filter((letter) => points[letter] === i);
    const name = [`Sample ${i + 1}`];
    if (samples[i].label !== undefined) name.push(`class ${className(samples[i].label)}`);
    if (letters.length) name.push(`chosen as ${letters.join(" and ")}`);
    tile.setAttribute("aria-label", name.join(", "));
    tile.dataset.letters = letters.join("");
    tile.lastChild.textContent = letters.join("");
  });
  if (!all.some((tile) => tile.tabIndex === 0)) all[0].tabIndex = 0;
}

const tileAt = (event) => tiles().indexOf(event.target.closest(".tile"));

function focusTile(index) {
  const all = tiles();
  if (!all[index]) return;
  for (const tile of all) tile.tabIndex = -1;
  all[index].tabIndex = 0;
  all[index].focus();
}

function pressed(event) {
  const index = tileAt(event);
  if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const columns = Number(element("grid").dataset.columns);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const ends = { Home: -index, End: samples.length - 1 - index };
  const step = steps[event.key] ?? ends[event.key];
  const letter = event.key.toUpperCase();
  if (step !== undefined) focusTile(index + step);
  else if (LETTERS.includes(letter)) choose(index, letter);
  else return;
  event.preventDefault();
}

async function download() {
  const canvases = tiles().map((tile) => tile.querySelector("canvas"));
  const link = document.createElement("a");
  link.download = `${[model.name, `seed-${seed}`, ...settings()].join("-")}.png`;
  const file = await gridFile(canvases, Number(element("grid").dataset.columns));
  link.href = URL.createObjectURL(file);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Returns what a grid is of beside the seed, as the names of files say it. */
function settings() {
  const numbers = standing("numbers").filter(
    ([name, value]) => value !== model.numbers.find((number) => number.name === name).default,
  );
  return [
    ...(chosenClass() === null ? [] : [`class-${chosenClass()}`]),
    ...(threshold() === Infinity ? [] : [`truncation-${threshold()}`]),
    ...numbers.map(([name, value]) => `${name}-${value.toFixed(2)}`),
  ];
}

// --- The walk ---

const letterNext = () => document.querySelector("[name=point]:checked").value;

/** Gives a sample the letter whose turn it is, or the one named. */
function choose(index, letter = null) {
  if (index < 0) return;
  const given = letter ?? letterNext();
  points[given] = index;
  if (!letter) {
    const next = LETTERS[(LETTERS.indexOf(given) + 1) % LETTERS.length];
    document.querySelector(`[name=point][value=${next}]`).checked = true;
  }
  focusTile(index);
  markTiles();
  drawPoints();
  describeWalk(`${given} is now sample ${index + 1}. `);
}

let drawing = 0; // pictures of the walk that are being made

function walkBusy(change) {
  drawing += change;
  element("walk-card").setAttribute("aria-busy", String(drawing > 0));
}

/** The walk stays in one class: that of A. */
const walkLabel = () => samples[points.A].label;

function describeWalk(news = "") {
  const mixed = walkLabel() !== undefined && chosenClass() === null;
  const kept = mixed ? ` The walk stays in class ${className(walkLabel())}, that of A.` : "";
  element("walk-note").textContent = `${news}Choose a sample to make it ${letterNext()}.${kept}`;
}

/** Draws A, B and C as the walk meets them, and the walk itself. */
async function drawPoints() {
  describeWalk();
  drawWalk();
  walkBusy(+1);
  const [mine, wanted] = [newest, model];
  try {
    for (const letter of LETTERS) {
      const { z, numbers } = samples[points[letter]];
      const { pixels } = await generate(wanted, z, walkLabel(), numbers);
      if (mine !== newest) return;
      paint(element(`point-${letter}`), pixels, wanted.image_shape);
    }
  } catch (error) {
    if (mine === newest) fail(error);
  } finally {
    walkBusy(-1);
  }
}

let walking = false;
let moved = false;

/** Draws where the sliders stand; while it draws, only their last place is kept. */
async function drawWalk() {
  const [along, aside] = ["along", "aside"].map((id) => Number(element(id).value));
  element("along-value").textContent = `${along}%`;
  element("aside-value").textContent = `${aside}%`;
  element("along").setAttribute("aria-valuetext", `${along}% of the way from A to B`);
  element("aside").setAttribute("aria-valuetext", `${aside}% of the way to C`);
  moved = true;
  if (walking) return;
  walking = true;
  walkBusy(+1);
  try {
    while (moved) {
      moved = false;
      await drawStep(model);
    }
  } finally {
    walking = false;
    walkBusy(-1);
  }
}

async function drawStep(wanted) {
  if (wanted.given || wanted.sound) return; // chosen while the walk was being drawn
  const [along, aside] = ["along", "aside"].map((id) => Number(element(id).value));
  const [a, b, c] = LETTERS.map((letter) => samples[points[letter]].z);
  const way = between(wanted.prior, between(wanted.prior, a, b, along / 100), c, aside / 100);
  const amounts = standing("direction-sliders").map(([, amount]) => amount);
  const z = move(wanted.prior, way, wanted.directions ?? [], amounts);
  let made;
  try {
    made = await generate(wanted, z, walkLabel(), samples[points.A].numbers);
  } catch (error) {
    if (wanted === model) fail(error);
    return;
  }
  if (wanted !== model) return; // another walk has been asked for
  paint(element("walk"), made.pixels, wanted.image_shape);
  const place = `${along}% of the way from A to B, ${aside}% towards C`;
  element("walk").setAttribute("aria-label", `Image made ${place}`);
  await nextTask();
}
