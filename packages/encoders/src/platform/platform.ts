/** A file of what a check of a network found, kept from one process to the next. Losing it costs a check. */
export interface Notes {
  read(): Promise<Uint8Array | undefined>
  write(bytes: Uint8Array): Promise<void>
}

export interface Hash {
  update(bytes: Uint8Array | string): void
  hex(): string
}

/** What encoders need of where they run. */
export interface Platform {
  sha256(): Hash
  /** Lets timers, aborts and connections have their turn. */
  breathe(): Promise<void>
  /** @param folder where they are kept between processes; undefined keeps nothing */
  notes(folder: string | undefined, name: string): Notes
}
