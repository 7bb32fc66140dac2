export { buildVit, type VitOptions } from './builder/build-vit.js'
export { buildConvNet, type ConvNetOptions } from './builder/build-conv-net.js'
