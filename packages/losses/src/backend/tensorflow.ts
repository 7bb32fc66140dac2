/** The functional API of TensorFlow.js, as its core package exports it. */
export type Tensorflow = typeof import('@tensorflow/tfjs-core')
