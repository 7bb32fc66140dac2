import { answer } from './answer.js'
import { openExported } from './open-exported.js'

answer(openExported)
