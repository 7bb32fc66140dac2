import { mini, type MiniPluginOptions } from './mini.js'
import { convNet, type ConvNetPluginOptions } from './plugins/conv-net.js'
import { onnx, type OnnxPluginOptions } from './plugins/onnx.js'
import { pretrained, type PretrainedPluginOptions } from './plugins/pretrained.js'
import { vit, type VitPluginOptions } from './plugins/vit.js'

export { buildVit, type VitOptions } from './builder/build-vit.js'
export { buildConvNet, type ConvNetOptions } from './builder/build-conv-net.js'
export { createMiniEncoder } from './mini.js'
export { createNetworkEncoder, type Running } from './network/create-network-encoder.js'
export { toFullWeights, toHalfWeights } from './network/half-weights.js'
export type { Reading } from './network/complete-network.js'
export type { Pooling } from './network/pooling.js'
export { createOnnxEncoder, type OnnxEncoderOptions } from './create-onnx-encoder.js'
export { createPretrainedEncoder, type PretrainedEncoderOptions } from './create-pretrained-encoder.js'
export type { Dtype } from './presets/families.js'
export { readPreprocessorConfig } from './presets/read-preprocessor-config.js'
export { openModelFiles, type ModelFile, type ModelFiles } from './hub/model-files.js'
export type { HubOptions } from './hub/hub-options.js'
export { loadVitWeights, type LoadedWeights } from './weights/load-vit-weights.js'
export { readSafetensors } from './weights/read-safetensors.js'
export { readOnnxWeights } from './weights/read-onnx-weights.js'
export { resizePositions, type Grid } from './weights/resize-positions.js'
export type { Weight, Weights } from './weights/weights.js'

declare module '@lookalike/core' {
  interface EncoderPlugins {
    mini: MiniPluginOptions
    onnx: OnnxPluginOptions
    vit: VitPluginOptions
    'conv-net': ConvNetPluginOptions
    deit: PretrainedPluginOptions
    'deit-distilled': PretrainedPluginOptions
    'pretrained-vit': PretrainedPluginOptions
    dino: PretrainedPluginOptions
    dinov2: PretrainedPluginOptions
    clip: PretrainedPluginOptions
    siglip: PretrainedPluginOptions
  }
}

export default [mini, onnx, vit, convNet, ...pretrained]
