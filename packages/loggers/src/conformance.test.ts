import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeLogger, describePlugins } from '@lookalike/testkit/vitest'
import { afterAll, beforeAll } from 'vitest'
import plugins from './index.js'
import { type MlflowServer, startMlflowServer } from './testing/mlflow-server.js'
import { startWandbServer, type WandbServer } from './testing/wandb-server.js'

let folder = ''
let server: MlflowServer
let wandb: WandbServer
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-loggers-'))
  server = await startMlflowServer()
  process.env['MLFLOW_TRACKING_URI'] = server.url
  wandb = await startWandbServer()
  process.env['WANDB_BASE_URL'] = wandb.url
  process.env['WANDB_API_KEY'] = 'secret'
})
afterAll(async () => {
  for (const name of ['MLFLOW_TRACKING_URI', 'WANDB_BASE_URL', 'WANDB_API_KEY']) delete process.env[name]
  await server.close()
  await wandb.close()
  await rm(folder, { recursive: true, force: true })
})

describePlugins(plugins)
describeLogger('console', fromPlugin(pluginOf(plugins, 'logger', 'console')))
describeLogger(
  'json-lines',
  fromPlugin(pluginOf(plugins, 'logger', 'json-lines'), {
    file: path.join(tmpdir(), `lookalike-${process.pid}.jsonl`),
  }),
)
describeLogger('tensorboard', fromPlugin(pluginOf(plugins, 'logger', 'tensorboard')))
describeLogger('mlflow', fromPlugin(pluginOf(plugins, 'logger', 'mlflow')))
describeLogger('wandb', fromPlugin(pluginOf(plugins, 'logger', 'wandb')))
