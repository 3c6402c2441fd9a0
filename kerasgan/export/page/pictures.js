// Between a generator's numbers and what is seen: canvases, and the grid as a PNG file.

/** Paints an image, numbers in [-1, 1], into a canvas, which becomes as large as the image. */
export function paint(canvas, pixels, [height, width, channels]) {
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) {
      // The array rounds and clips: round((x + 1) * 127.5), as everywhere in kerasgan.
      image.data[4 * i + c] = (pixels[channels * i + (channels > 1 ? c : 0)] + 1) * 127.5;
    }
    image.data[4 * i + 3] = channels === 4 ? (pixels[channels * i + 3] + 1) * 127.5 : 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Wipes a canvas. */
export function empty(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

const MARGIN = 2; // pixels of the images, as in `kerasgan sample`
const ZOOM = 4;

/**
 * Lays painted canvases out on white, enlarged without smoothing.
 *
 * @param {HTMLCanvasElement[]} tiles All of one size.
 * @param {number} columns
 * @returns {Promise<Blob>} A PNG file.
 */
export function gridFile(tiles, columns) {
  const [stepX, stepY] = [tiles[0].width + MARGIN, tiles[0].height + MARGIN];
  const sheet = document.createElement("canvas");
  sheet.width = (Math.min(columns, tiles.length) * stepX - MARGIN) * ZOOM;
  sheet.height = (Math.ceil(tiles.length / columns) * stepY - MARGIN) * ZOOM;
  const context = sheet.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.imageSmoothingEnabled = false;
  tiles.forEach((tile, i) => {
    const [x, y] = [(i % columns) * stepX, Math.floor(i / columns) * stepY];
    context.drawImage(tile, x * ZOOM, y * ZOOM, tile.width * ZOOM, tile.height * ZOOM);
  });
  return fileOf(sheet);
}

// --- From what visitors give to a generator's numbers ---

/** Returns the context of a canvas whose pixels are read again and again. */
export const readable = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

/**
 * Draws a picture onto a whole canvas: cropped in the centre, and made smaller by halves, which
 * keeps fine lines in every browser.
 *
 * @param {HTMLCanvasElement} canvas Of the size that is wanted.
 * @param {ImageBitmap} bitmap
 * @param {?string} ground Colour behind transparent pictures, or null to keep them so.
 * @param {number[]} [part] Left, top, width and height of the part to use; by default all.
 */
export function fit(canvas, bitmap, ground, part = [0, 0, bitmap.width, bitmap.height]) {
  const { width, height } = canvas;
  const scale = Math.min(part[2] / width, part[3] / height);
  let [w, h] = [width * scale, height * scale];
  let [x, y] = [part[0] + (part[2] - w) / 2, part[1] + (part[3] - h) / 2];
  let source = bitmap;
  while (w >= 2 * width && h >= 2 * height) {
    const half = document.createElement("canvas");
    [half.width, half.height] = [Math.round(w / 2), Math.round(h / 2)];
    half.getContext("2d").drawImage(source, x, y, w, h, 0, 0, half.width, half.height);
    [source, x, y, w, h] = [half, 0, 0, half.width, half.height];
  }
  const context = readable(canvas);
  if (ground) {
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height);
  }
  context.imageSmoothingEnabled = w !== width || h !== height;
  context.drawImage(source, x, y, w, h, 0, 0, width, height);
  context.imageSmoothingEnabled = true;
}

/** Returns a canvas's bytes, four for each pixel. */
function bytes(canvas) {
  return readable(canvas).getImageData(0, 0, canvas.width, canvas.height).data;
}

/** Returns what a canvas shows, height x width x channels numbers in [-1, 1]; grey is the luma. */
export function read(canvas, channels) {
  const data = bytes(canvas);
  const values = new Float32Array((data.length / 4) * channels);
  for (let i = 0; i < data.length / 4; i++) {
    const [red, green, blue] = data.subarray(4 * i, 4 * i + 3);
    const grey = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; // as Pillow's
    for (let c = 0; c < channels; c++) {
      values[i * channels + c] = (channels === 1 ? grey : data[4 * i + c]) / 127.5 - 1;
    }
  }
  return values;
}

/** Returns 1 where a canvas is opaque, else 0. */
export function readMask(canvas) {
  const data = bytes(canvas);
  return Float32Array.from({ length: data.length / 4 }, (_, i) => Number(data[4 * i + 3] > 127));
}

/** Returns an image, numbers in [-1, 1], as a PNG file of its own size. */
export function pictureFile(pixels, shape) {
  return stripFile([pixels], shape);
}

/** Returns images as a PNG file, one beside the other. */
export function stripFile(frames, shape) {
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [frames.length * shape[1], shape[0]];
  frames.forEach((pixels, i) => {
    const tile = document.createElement("canvas");
    paint(tile, pixels, shape);
    sheet.getContext("2d").drawImage(tile, i * shape[1], 0);
  });
  return fileOf(sheet);
}

function fileOf(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("No PNG came out."))));
  });
}
