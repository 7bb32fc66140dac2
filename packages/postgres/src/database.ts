export type Row = Readonly<Record<string, unknown>>

/** One connection, or what stands for it. */
export interface Session {
  /** @param values of `$1`, `$2` ...; bytes travel in PostgreSQL's binary format */
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
}

/** A PostgreSQL with pgvector, wherever it runs. */
export interface Database extends Session {
  /** @param signal ends what the server is at, where that can be ended */
  query(text: string, values?: readonly unknown[], signal?: AbortSignal): Promise<Row[]>
  /** Work on one connection, without a transaction: its temporary tables stay until the work ends. */
  session<T>(work: (session: ConnectedSession) => Promise<T>): Promise<T>
  /** All of the work or nothing. */
  transaction<T>(work: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T>
  close(): Promise<void>
}

export interface ConnectedSession extends Session {
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
}

/** Where a database is; nothing is connected before it is asked for. */
export interface DatabasePlace {
  /** For people, without user and password. */
  readonly name: string
  /** @param make false gives undefined where connecting would make a database */
  connect(make: boolean): Promise<Database | undefined>
}

/** An identifier in SQL. Only names that were checked or made here get this far; quoted all the same. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
