/** Pixels of each side. */
const SIDE = 256;

/** The middle of a picture file as a small square, in base64. Rejects what the browser cannot read as a picture. */
export async function squareOf(file: Blob): Promise<string> {
  const source = await createImageBitmap(file);
  const side = Math.min(source.width, source.height);
  const canvas = document.createElement("canvas");
  canvas.width = SIDE;
  canvas.height = SIDE;
  const [left, top] = [(source.width - side) / 2, (source.height - side) / 2];
  canvas.getContext("2d")?.drawImage(source, left, top, side, side, 0, 0, SIDE, SIDE);
  source.close();
  // Browsers that cannot write WebP write PNG.
  return canvas.toDataURL("image/webp", 0.9).split(",")[1] ?? "";
}
