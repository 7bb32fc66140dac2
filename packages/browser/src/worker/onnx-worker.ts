import { answer } from './answer.js'
import { openOnnx } from './open-onnx.js'

answer(openOnnx)
