import { type ConsoleOptions, consolePlugin } from './console.js'
import { type JsonLinesOptions, jsonLinesPlugin } from './json-lines.js'
import { type MlflowOptions, mlflowPlugin } from './mlflow.js'
import { type TensorboardOptions, tensorboardPlugin } from './tensorboard.js'
import { type WandbOptions, wandbPlugin } from './wandb.js'

export { type ConsoleOptions, createConsoleLogger } from './console.js'
export { createJsonLinesLogger } from './json-lines.js'
export { createMlflowLogger, type MlflowOptions } from './mlflow.js'
export { createTensorboardLogger } from './tensorboard.js'
export { createWandbLogger, type WandbOptions } from './wandb.js'

declare module '@lookalike/core' {
  interface LoggerPlugins {
    console: ConsoleOptions
    'json-lines': JsonLinesOptions
    tensorboard: TensorboardOptions
    mlflow: MlflowOptions
    wandb: WandbOptions
  }
}

export default [consolePlugin, jsonLinesPlugin, tensorboardPlugin, mlflowPlugin, wandbPlugin]
