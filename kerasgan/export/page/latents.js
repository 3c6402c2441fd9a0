// Latents: what a generator makes an image from. The same seed gives the same ones everywhere.

/**
 * A generator of random numbers: sfc32 (Doty-Humphrey, PractRand), whose state starts as (seed,
 * stream, 0x9e3779b9, 1) and is mixed by 15 rounds that are not used.
 *
 * @param {number} seed Whole number, 0 to 2^32 - 1.
 * @param {number} stream The same; another stream gives other numbers for the same seed.
 * @returns {function(): number} Gives numbers evenly spread over (0, 1), both ends excluded.
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
 * Draws the latents of one sample, as the model draws them in training. Sample 7 is the same
 * whether 8 or 64 are drawn.
 *
 * @param {{latent_dim: number, prior: Prior}} model As models.json tells of it.
 * @param {number} seed Whole number, 0 to 2^32 - 1.
 * @param {number} index Which sample: 0, 1, ...
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
    // Box & Muller 1958: two normal numbers out of two uniform ones.
    const radius = Math.sqrt(-2 * Math.log(random()));
    const angle = 2 * Math.PI * random();
    z[i] = radius * Math.cos(angle);
    if (i + 1 < latent_dim) z[i + 1] = radius * Math.sin(angle);
  }
  return z;
}

/**
 * The latents on the way from one sample to another, as `kerasgan.latent.interpolate` has them: on
 * a line for a uniform prior; on an arc (Shoemake 1985) for a normal one, whose vectors have nearly
 * one length, which a line would leave.
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
