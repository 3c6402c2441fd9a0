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
  return new Promise((resolve, reject) => {
    sheet.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("No PNG came out."))));
  });
}
