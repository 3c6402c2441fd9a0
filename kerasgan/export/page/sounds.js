// Sounds: playing them, their outlines, and WAV files. Samples are numbers in [-1, 1].

let context; // of the browser's audio; it may begin only once the visitor has done something

/** Plays a sound at once; returns what can be stopped. */
export function play(samples, rate) {
  context ??= new AudioContext();
  if (context.state !== "running") context.resume();
  const buffer = context.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(samples, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.start();
  return source;
}

/** Returns the outline of a waveform as an SVG path, `columns` wide and 2 high. */
export function outline(samples, columns) {
  const above = [];
  const below = [];
  for (let x = 0; x < columns; x++) {
    const [start, end] = [x, x + 1].map((i) => Math.floor((i * samples.length) / columns));
    let [low, high] = [0, 0];
    for (let i = start; i < end; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    above.push(`${x + 0.5} ${(0.99 - high).toFixed(3)}`);
    below.unshift(`${x + 0.5} ${(1.01 - low).toFixed(3)}`);
  }
  return `M${[...above, ...below].join("L")}Z`;
}

/** Returns a sound as a mono WAV file of 16 bits: round(x * 32768), as `kerasgan sample` writes. */
export function wavFile(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (place, letters) =>
    [...letters].forEach((letter, i) => view.setUint8(place + i, letter.charCodeAt(0)));
  const size = 2 * samples.length;
  text(0, "RIFF");
  view.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format
  view.setUint16(20, 1, true); // uncompressed
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per sample
  view.setUint16(34, 16, true); // bits per sample
  text(36, "data");
  view.setUint32(40, size, true);
  samples.forEach((x, i) => {
    const rounded = Math.trunc(x * 32768 + 0.5 * Math.sign(x));
    view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, rounded)), true);
  });
  return new Blob([view], { type: "audio/wav" });
}
