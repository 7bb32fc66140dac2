/** A file of what a check of a network found, kept from one opening to the next. Losing it costs a check. */
export interface Notes {
  read(): Promise<Uint8Array | undefined>
  write(bytes: Uint8Array): Promise<void>
}

/** What encoders need of where they run. */
export interface Platform {
  /** Of the parts one after another, in hex. */
  sha256(parts: Iterable<Uint8Array | string>): Promise<string>
  /** Lets timers, aborts and connections have their turn. */
  breathe(): Promise<void>
  /** @param folder where they are kept, in a browser the name of a cache; undefined keeps nothing */
  notes(folder: string | undefined, name: string): Notes
}
