import { readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { writeAt } from './write-whole.js'

/** A place between two changes of a log. */
export interface LogEnd {
  readonly bytes: number
  /** Lines before it, those of the note and the header included. */
  readonly lines: number
  /** CRC-32 of the JSON of all lines before it. */
  readonly chain: number
}

/**
 * How far a log was acknowledged, noted at its very beginning: it tells a log that lost its end from one whose last write was cut off. A copy
 * that is made from the beginning to the end never has less than its note says. Two slots are written in turn, so that one that was cut off
 * leaves the other; they fill a block of the disk, which has nothing else.
 */
const SLOT_BYTES = 2048
const SLOTS = 2

export const NOTE_BYTES = SLOTS * SLOT_BYTES

/** Of a log whose generation is still being made. */
export const emptyNote = (): string => `${' '.repeat(SLOT_BYTES - 1)}\n`.repeat(SLOTS)

function slotOf({ bytes, lines, chain }: LogEnd): string {
  const json = JSON.stringify({ bytes, lines, chain })
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}`.padEnd(SLOT_BYTES - 1).concat('\n')
}

/** The furthest that was noted; undefined where neither slot can be trusted. */
export function readEndNote(descriptor: number): LogEnd | undefined {
  const block = Buffer.alloc(NOTE_BYTES)
  readSync(descriptor, block, 0, NOTE_BYTES, 0)
  let furthest: LogEnd | undefined
  for (let slot = 0; slot < SLOTS; slot++) {
    const end = decodeSlot(block.toString('latin1', slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES))
    if (end && end.bytes >= (furthest?.bytes ?? 0)) furthest = end
  }
  return furthest
}

function decodeSlot(text: string): LogEnd | undefined {
  const json = text.slice(9).trimEnd()
  if (text.slice(0, 9) !== `${crc32(json).toString(16).padStart(8, '0')} ` || json === '') return undefined
  return JSON.parse(json) as LogEnd
}

export interface EndNote {
  /** Notes that everything up to there is flushed. */
  write(end: LogEnd): Promise<void>
  /** In both slots, flushed. */
  reset(end: LogEnd): Promise<void>
}

export function createEndNote(log: FileHandle): EndNote {
  let slot = 0
  return {
    async write(end) {
      await writeAt(log, Buffer.from(slotOf(end)), slot * SLOT_BYTES)
      slot = (slot + 1) % SLOTS
    },
    async reset(end) {
      await writeAt(log, Buffer.from(slotOf(end).repeat(SLOTS)), 0)
      await log.datasync()
    },
  }
}
