// Runs generators with LiteRT.js, on the CPU and in this thread: one image takes milliseconds.

const RUNTIME = new URL("litert/litert_wasm_compat_internal.js", import.meta.url).href;

let runtime; // the promise of LiteRT.js, once loading has begun
const models = new Map(); // file -> promise of the compiled model
let last = Promise.resolve(); // the previous run: one at a time

/**
 * Draws one image.
 *
 * @param {{file: string, sha256: string, latent_dim: number, num_classes: ?number}} model An
 *     entry of models.json.
 * @param {Float32Array | number[]} z Its latents.
 * @param {number} [label] Class id, for models that have classes.
 * @returns {Promise<{pixels: Float32Array, milliseconds: number}>} Height x width x channels
 *     numbers in [-1, 1], row by row, and the time of the run.
 */
export async function generate(model, z, label = 0) {
  if (z.length !== model.latent_dim) {
    throw new RangeError(`${model.name} takes ${model.latent_dim} latents, not ${z.length}.`);
  }
  if (model.num_classes && !(Number.isInteger(label) && label >= 0 && label < model.num_classes)) {
    throw new RangeError(`${model.name} has classes 0 to ${model.num_classes - 1}, not ${label}.`);
  }
  const compiled = await load(model);
  const run = last.then(() => execute(compiled, { z: Float32Array.from(z), label }));
  last = run.catch(() => {});
  return run;
}

/** Loads a model once; a failed load can be retried. */
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
  // The hash makes a browser download the file again when the site replaces the model.
  const url = new URL(`${model.file}?${model.sha256.slice(0, 16)}`, import.meta.url);
  const [litert, content] = await Promise.all([runtime, download(url)]);
  return litert.loadAndCompile(content, { accelerator: "wasm" });
}

async function start() {
  // LiteRT.js logs everything as errors. Emscripten logs an error when a server sends .wasm files
  // with another MIME type, which only slows loading down. Keep only real errors as errors.
  const harmless = /^(INFO|WARNING|wasm streaming compile failed|falling back to ArrayBuffer)/;
  const log = (line) => (harmless.test(line) ? console.debug : console.error)(line);
  self.Module = { print: console.debug, printErr: log };
  // LiteRT.js also asks for a GPU and warns if there is none. These models run on the CPU.
  const device = { limits: {}, features: new Set(), requestDevice: async () => null };
  const gpu = { requestAdapter: async () => device };
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  try {
    const litert = await import("./litert/core.js");
    await litert.loadLiteRt(RUNTIME);
    return litert;
  } finally {
    delete navigator.gpu; // makes the browser's own visible again
  }
}

async function download(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function execute(compiled, { z, label }) {
  const { Tensor } = await runtime;
  const values = { z, label: Int32Array.of(label) };
  const inputs = {};
  for (const { name, shape } of compiled.getInputDetails()) {
    inputs[name] = new Tensor(values[name], [...shape]);
  }
  const begun = performance.now();
  const outputs = await compiled.run(inputs);
  const milliseconds = performance.now() - begun;
  const pixels = outputs.images.toTypedArray();
  for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.delete();
  return { pixels, milliseconds };
}
