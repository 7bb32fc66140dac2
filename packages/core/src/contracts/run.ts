/** Arrays by name: weights, moments, a loss's memory. */
export type ArrayState = Readonly<Record<string, Float32Array | Int32Array>>

/** What a checkpoint holds: plain facts, and arrays in named groups. */
export interface Checkpoint {
  readonly facts: Readonly<Record<string, unknown>>
  readonly arrays: Readonly<Record<string, ArrayState>>
}

/** Checkpoints by name, for example the `last` to go on from and the `best` by validation. */
export interface RunCheckpoints {
  /** Written whole or not at all; an older one of the name stays until then. @throws `train/write` */
  save(name: string, checkpoint: Checkpoint): Promise<void>
  /** Undefined where there is none. @throws `train/checkpoint-damaged` */
  load(name: string): Promise<Checkpoint | undefined>
  remove(name: string): Promise<void>
  /** Absolute path of its file, for messages. */
  path(name: string): string
}

/** `log.jsonl`: one JSON object a line. */
export interface RunLog {
  /** @throws `train/write` */
  write(entry: Readonly<Record<string, unknown>>): Promise<void>
  /** Takes out entries whose `step` is larger: what was written after the checkpoint that the run goes on from, and will be written again. */
  rewind(step: number): Promise<void>
}

/** A stretch of a run that counts its own steps and has its own checkpoints. */
export interface RunPart {
  readonly log: RunLog
  readonly checkpoints: RunCheckpoints
  /** Whether an earlier attempt of the run may have left something to go on from. */
  readonly resumed: boolean
}

/** What a training card says besides what the run knows (trainer, versions, seed, data, encoder). */
export interface CardFacts {
  /** The options, defaults filled in. */
  readonly options: unknown
  readonly metrics: Readonly<Record<string, number>>
  readonly stopped: string
  /** More about the data: numbers of images, classes, triples. */
  readonly data?: Readonly<Record<string, unknown>> | undefined
  readonly [more: string]: unknown
}

/**
 * A training run: its folder, and the one way in which trainers write there. `run.json` in the folder says what the run is (trainer and version,
 * state, artefacts, seed, settings) and is kept by whoever opened the run.
 */
export interface Run extends RunPart {
  /** Absolute. */
  readonly folder: string
  readonly seed: number
  /** What is trained on. */
  readonly data: {
    readonly dataset: string
    /** SHA-256 in hex of the training and validation parts: what the dataset says about them, and the images' content. */
    readonly hash: string
  }
  /**
   * A part with steps and checkpoints of its own; its entries of the log carry the part's name.
   *
   * @param name lower-case letters, digits and hyphens; the same part has the same name when the run goes on
   */
  part(name: string): RunPart
  /**
   * Writes a file whole or not at all.
   *
   * @param name relative to the run's folder, inside it; folders are made
   * @returns the absolute path
   * @throws `train/write`
   */
  write(name: string, content: string | Uint8Array): Promise<string>
  /** A file that an earlier attempt wrote; undefined where there is none. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Notes a file (or a folder) of the run that others may use, by a name that later stages and people call it. */
  artefact(name: string, file: string): Promise<void>
  /** Writes `card.json`; returns the card as one line of JSON, to be put inside the artefact. The same run gives the same card. */
  card(facts: CardFacts): Promise<string>
}
