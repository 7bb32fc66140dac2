import { type BuiltinPluginOptions, builtinPlugin } from './builtin.js'
import { type MiniPluginOptions, mini } from './mini.js'
import { type ConvNetPluginOptions, convNet } from './plugins/conv-net.js'
import { type LightPluginOptions, light } from './plugins/light.js'
import { type OnnxPluginOptions, onnx } from './plugins/onnx.js'
import { type PretrainedPluginOptions, pretrained } from './plugins/pretrained.js'
import { type VitPluginOptions, vit } from './plugins/vit.js'

export { buildConvNet, type ConvNetOptions } from './builder/build-conv-net.js'
export { buildEfficientNetLite, type EfficientNetLiteOptions } from './builder/build-efficientnet-lite.js'
export { buildVit, type VitOptions } from './builder/build-vit.js'
export { type ProposalOptions, type ProposedNetwork, proposeNetwork } from './builder/propose-network.js'
export { createBuiltinEncoder } from './builtin.js'
export { createOnnxEncoder, type OnnxEncoderOptions } from './create-onnx-encoder.js'
export { createPretrainedEncoder, type PretrainedEncoderOptions } from './create-pretrained-encoder.js'
export { type ExportedModel, type ExportModelOptions, exportModel, QUANTISED_FILE } from './export/export-model.js'
export { newFolder, writeWholeFolder } from './export/whole-folder.js'
export type { OnnxVersions } from './export/with-versions.js'
export type { HubOptions } from './hub/hub-options.js'
export { type ModelFile, type ModelFiles, openModelFiles } from './hub/model-files.js'
export { type PushedFolder, type PushFolderOptions, pushFolder } from './hub/push-folder.js'
export { createMiniEncoder } from './mini.js'
export type { Reading } from './network/complete-network.js'
export { createNetworkEncoder, type Running } from './network/create-network-encoder.js'
export type { NetworkInput } from './network/network-input.js'
export type { Pooling } from './network/pooling.js'
export { quicken } from './network/quicken.js'
export type { Dtype } from './presets/families.js'
export { readPreprocessorConfig } from './presets/read-preprocessor-config.js'
export { type LoadedWeights, loadVitWeights } from './weights/load-vit-weights.js'
export { readOnnxWeights } from './weights/read-onnx-weights.js'
export { readSafetensors } from './weights/read-safetensors.js'
export { resizePositions } from './weights/resize-positions.js'
export type { Weight, Weights } from './weights/weights.js'

declare module '@lookalike/core' {
  interface EncoderPlugins {
    builtin: BuiltinPluginOptions
    mini: MiniPluginOptions
    onnx: OnnxPluginOptions
    vit: VitPluginOptions
    'conv-net': ConvNetPluginOptions
    light: LightPluginOptions
    deit: PretrainedPluginOptions
    'deit-distilled': PretrainedPluginOptions
    'pretrained-vit': PretrainedPluginOptions
    dino: PretrainedPluginOptions
    dinov2: PretrainedPluginOptions
    dinov3: PretrainedPluginOptions
    clip: PretrainedPluginOptions
    siglip: PretrainedPluginOptions
  }
}

export default [builtinPlugin, mini, onnx, vit, convNet, light, ...pretrained]
