export { type BytesEncoderOptions, createEncoderOfBytes } from './create-encoder-of-bytes.js'
export type { Reading } from './network/complete-network.js'
export { createNetworkEncoder, type Running } from './network/create-network-encoder.js'
export type { Pooling } from './network/pooling.js'
