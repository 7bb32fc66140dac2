export { default } from './onnx-worker.ts?worker-text'
