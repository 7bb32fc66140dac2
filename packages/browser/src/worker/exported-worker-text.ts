export { default } from './exported-worker.ts?worker-text'
