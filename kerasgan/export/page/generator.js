// Runs generators with LiteRT.js, on the CPU and in this thread: one sample takes milliseconds.

const RUNTIME = new URL("litert/litert_wasm_compat_internal.js", import.meta.url).href;

let runtime; // the promise of LiteRT.js, once loading has begun
const models = new Map(); // file -> promise of the compiled model
let last = Promise.resolve(); // the run before: one at a time

/**
 * Draws one image, or one sound.
 *
 * @param {{file: string, sha256: string, latent_dim?: number, num_classes: ?number}} model As
 *     models.json tells of it.
 * @param {Float32Array | number[]} [z] Its latents, if it has any.
 * @param {number} [label] Class id, for models that have classes.
 * @param {Object<string, number | Float32Array>} [numbers] The model's other inputs by name, such
 *     as a truncation, which has a default, or the vector of a text.
 * @param {Object<string, Float32Array | number[]>} [given] The pictures, masks and films that it is
 *     made of, by input: numbers in [-1, 1], of masks 0 or 1, row by row.
 * @returns {Promise<{pixels: Float32Array, milliseconds: number}>} Height x width x channels
 *     numbers in [-1, 1], row by row, or the samples of a sound, and the time that it took.
 */
export async function generate(model, z, label = 0, numbers = {}, given = {}) {
  if (model.latent_dim && z?.length !== model.latent_dim) {
    throw new RangeError(`${model.name} takes ${model.latent_dim} latents, not ${z?.length ?? 0}.`);
  }
  for (const { name, shape } of model.given ?? []) {
    const count = shape.reduce((product, size) => product * size);
    if (given[name]?.length !== count) {
      const found = given[name]?.length ?? 0;
      throw new RangeError(`${model.name} takes ${count} numbers of ${name}, not ${found}.`);
    }
  }
  if (model.num_classes && !(Number.isInteger(label) && label >= 0 && label < model.num_classes)) {
    throw new RangeError(`${model.name} has classes 0 to ${model.num_classes - 1}, not ${label}.`);
  }
  const compiled = await load(model);
  const values = { z: Float32Array.from(z ?? []), label: Int32Array.of(label) };
  for (const { name } of model.given ?? []) values[name] = Float32Array.from(given[name]);
  for (const { name, default: usual } of model.numbers ?? []) {
    values[name] = Float32Array.of(numbers[name] ?? usual);
  }
  for (const { name } of model.texts ?? []) values[name] = Float32Array.from(numbers[name]);
  const run = last.then(() => execute(compiled, values));
  last = run.catch(() => {});
  return run;
}

/** Loads a model, once; a failure is not kept, so that one can try again. */
export function load(model) {
  if (!models.has(model.file)) {
    const loading = compile(model);
    loading.catch(() => models.delete(model.file));
    models.set(model.file, loading);
  }
  return models.get(model.file);
}

async function compile(model) {
  runtime ??= start();
  runtime.catch(() => (runtime = undefined));
  // The hash makes a browser fetch a model anew when the site has another under its name.
  const url = new URL(`${model.file}?${model.sha256.slice(0, 16)}`, import.meta.url);
  const [litert, content] = await Promise.all([runtime, download(url)]);
  return litert.loadAndCompile(content, { accelerator: "wasm" });
}

async function start() {
  // LiteRT.js writes all of its log as errors; so does Emscripten that a server sends .wasm files
  // under another type, which only makes loading slower. Only errors shall be errors.
  const harmless = /^(INFO|WARNING|wasm streaming compile failed|falling back to ArrayBuffer)/;
  const log = (line) => (harmless.test(line) ? console.debug : console.error)(line);
  self.Module = { print: console.debug, printErr: log };
  // It also asks for a GPU, and warns where there is none. These models run on the CPU.
  const device = { limits: {}, features: new Set(), requestDevice: async () => null };
  const gpu = { requestAdapter: async () => device };
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  try {
    const litert = await import("./litert/core.js");
    await litert.loadLiteRt(RUNTIME);
    return litert;
  } finally {
    delete navigator.gpu; // the browser's own is visible again
  }
}

async function download(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function execute(compiled, values) {
  const { Tensor } = await runtime;
  const inputs = {};
  for (const { name, shape } of compiled.getInputDetails()) {
    inputs[name] = new Tensor(values[name], [...shape]);
  }
  const begun = performance.now();
  const outputs = await compiled.run(inputs);
  const milliseconds = performance.now() - begun;
  const pixels = (outputs.images ?? outputs.audio).toTypedArray();
  for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.delete();
  return { pixels, milliseconds };
}
