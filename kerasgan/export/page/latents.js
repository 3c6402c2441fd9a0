// Latents, a generator's input. The same seed gives the same latents in every browser.

/**
 * A random number generator: sfc32 (Doty-Humphrey, PractRand). Its state starts as (seed, stream,
 * 0x9e3779b9, 1) and is mixed by 15 rounds whose output is discarded.
 *
 * @param {number} seed Whole number, 0 to 2^32 - 1.
 * @param {number} stream Same range; each stream gives different numbers for the same seed.
 * @returns {function(): number} Returns uniform random numbers in (0, 1), both ends excluded.
 */
export function randomNumbers(seed, stream) {
  let [a, b, c, counter] = [seed | 0, stream | 0, 0x9e3779b9 | 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return ((sum >>> 0) + 0.5) / 2 ** 32;
  };
  for (let round = 0; round < 15; round++) next();
  return next;
}

/**
 * Draws the latents of one sample, with the same distribution as in training. Sample 7 is the same
 * whether 8 or 64 are drawn.
 *
 * @param {{latent_dim: number, prior: Prior}} model An entry of models.json.
 * @param {number} seed Whole number, 0 to 2^32 - 1.
 * @param {number} index Number of the sample: 0, 1, ...
 * @returns {Float32Array} latent_dim numbers.
 * @typedef {{distribution: "normal"} | {distribution: "uniform", low: number, high: number}} Prior
 */
export function drawLatents({ latent_dim, prior }, seed, index) {
  const random = randomNumbers(seed, index);
  const z = new Float32Array(latent_dim);
  if (prior.distribution === "uniform") {
    return z.map(() => prior.low + (prior.high - prior.low) * random());
  }
  for (let i = 0; i < latent_dim; i += 2) {
    // Box & Muller 1958: two normal numbers from two uniform ones.
    const radius = Math.sqrt(-2 * Math.log(random()));
    const angle = 2 * Math.PI * random();
    z[i] = radius * Math.cos(angle);
    if (i + 1 < latent_dim) z[i + 1] = radius * Math.sin(angle);
  }
  return z;
}

/**
 * Interpolates between the latents of two samples, like `kerasgan.latent.interpolate`: on a line
 * for a uniform prior; on an arc (Shoemake 1985) for a normal one, because its vectors have nearly
 * the same length, and those on a line would be shorter.
 *
 * @param {Prior} prior
 * @param {Float32Array} start
 * @param {Float32Array} end
 * @param {number} share 0 gives `start`, 1 gives `end`.
 * @returns {Float32Array}
 */
export function between(prior, start, end, share) {
  const dot = (u, v) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  const lengths = Math.sqrt(dot(start, start) * dot(end, end));
  const cosine = dot(start, end) / Math.max(lengths, 1e-12);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  let [first, second] = [1 - share, share];
  if (prior.distribution === "normal" && Math.sin(angle) >= 1e-6) {
    first = Math.sin((1 - share) * angle) / Math.sin(angle);
    second = Math.sin(share * angle) / Math.sin(angle);
  }
  return start.map((value, i) => first * value + second * end[i]);
}
