/** What the compiler's library does not know yet: https://compression.spec.whatwg.org/#decompression-stream */
declare class DecompressionStream implements GenericTransformStream {
  constructor(format: "gzip");
  readonly readable: ReadableStream;
  readonly writable: WritableStream;
}
