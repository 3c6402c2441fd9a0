// Texts as vectors: the same arithmetic as `kerasgan.signature.TextEncoder`.

const LENGTHS = [3, 4, 5, 6]; // of the pieces, in bytes
const MOST = 256; // bytes of a text
const SPACE = 32;

const tables = new Map(); // encoder -> its table, decoded once

/** What a byte counts as: capitals as small letters, other signs of ASCII as a space. */
function folded(byte) {
  if (byte >= 65 && byte <= 90) return byte + 32;
  const kept = byte >= 128 || (byte >= 97 && byte <= 122) || (byte >= 48 && byte <= 57);
  return kept ? byte : SPACE;
}

/** Says in one sentence why a text cannot be drawn, or returns "". */
export function mistake(text) {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > MOST) return `At most ${MOST} bytes, please: these are ${bytes.length}.`;
  if (bytes.every((byte) => folded(byte) === SPACE)) return "Some words, please.";
  return "";
}

/**
 * Turns a text into the vector that the generator takes.
 *
 * @param {{table: string, dim: number}} encoder As models.json holds it: a table of signed bytes,
 *     rows of `dim`, in base64.
 * @param {string} text Words in any script.
 * @returns {Float32Array} dim numbers.
 */
export function encode(encoder, text) {
  const problem = mistake(text);
  if (problem) throw new RangeError(problem);
  const { dim } = encoder;
  const table = tableOf(encoder);
  const buckets = table.length / dim;
  const codes = [SPACE, ...Array.from(new TextEncoder().encode(text), folded), SPACE];
  const sums = new Float64Array(dim);
  for (const length of LENGTHS) {
    for (let start = 0; start + length <= codes.length; start++) {
      const piece = codes.slice(start, start + length);
      if (piece.slice(1, -1).includes(SPACE)) continue;
      let hash = 2166136261; // FNV-1a with 32 bits
      for (const byte of piece) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
      const row = (hash % buckets) * dim;
      for (let i = 0; i < dim; i++) sums[i] += table[row + i];
    }
  }
  const size = Math.max(Math.hypot(...sums), 1);
  return Float32Array.from(sums, (sum) => (sum / size) * Math.sqrt(dim));
}

function tableOf(encoder) {
  if (!tables.has(encoder)) {
    const bytes = Uint8Array.from(atob(encoder.table), (letter) => letter.charCodeAt(0));
    tables.set(encoder, new Int8Array(bytes.buffer));
  }
  return tables.get(encoder);
}
