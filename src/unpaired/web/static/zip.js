"use strict";
// Zip archives, read and written in the browser: the server never sees one.
const LARGEST = 512e6; // bytes of one unpacked file

/** The files of an archive, as File objects; folders and hidden files are left out. */
export async function unzip(archive) {
  const view = new DataView(await archive.arrayBuffer());
  const bytes = new Uint8Array(view.buffer);
  let end = view.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new Error(`${archive.name} is not a whole zip archive.`);
  const files = [];
  let at = view.getUint32(end + 16, true);
  for (let n = view.getUint16(end + 10, true); n > 0; n--) {
    if (view.getUint32(at, true) !== 0x02014b50) throw new Error(`${archive.name} is damaged, or larger than 4 GB.`);
    const [method, packed, size] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const [long, extra, comment, start] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true), view.getUint32(at + 42, true)];
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + long));
    at += 46 + long + extra + comment;
    if (name.endsWith("/") || name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX")) continue;
    if (size > LARGEST) throw new Error(`${name} is too large.`);
    const begin = start + 30 + view.getUint16(start + 26, true) + view.getUint16(start + 28, true);
    const content = new Blob([bytes.subarray(begin, begin + packed)]);
    if (method !== 0 && method !== 8) throw new Error(`${name} is packed in a way that can't be read here.`);
    const plain = method === 0 ? content : await inflated(content, LARGEST);
    files.push(new File([plain], name.split("/").pop()));
  }
  return files;
}

async function inflated(blob, most) {
  const reader = blob.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts = [];
  for (let total = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts);
    total += value.length;
    if (total > most) throw new Error("A file of the archive is too large.");
    parts.push(value);
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** An archive of [name, Blob] pairs, stored as they are: pictures are packed already. */
export async function zip(files) {
  const parts = [], directory = [];
  let offset = 0;
  for (const [name, blob] of files) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const label = new TextEncoder().encode(name);
    const head = new DataView(new ArrayBuffer(30));
    head.setUint32(0, 0x04034b50, true); head.setUint16(4, 20, true); head.setUint16(6, 0x0800, true); head.setUint16(12, 0x21, true);
    head.setUint32(14, crc32(bytes), true); head.setUint32(18, bytes.length, true); head.setUint32(22, bytes.length, true); head.setUint16(26, label.length, true);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, 0x02014b50, true); entry.setUint16(4, 20, true);
    new Uint8Array(entry.buffer).set(new Uint8Array(head.buffer, 4, 24), 6);
    entry.setUint32(42, offset, true);
    parts.push(head.buffer, label, bytes);
    directory.push(entry.buffer, label);
    offset += 30 + label.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.byteLength, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true); end.setUint16(8, files.length, true); end.setUint16(10, files.length, true); end.setUint32(12, size, true); end.setUint32(16, offset, true);
  return new Blob([...parts, ...directory, end.buffer], { type: "application/zip" });
}
