export type Row = Readonly<Record<string, unknown>>

/** One connection, or what stands for it. */
export interface Session {
  /** @param values of `$1`, `$2` ... */
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Runs `COPY ... FROM STDIN` in binary format. @param target the table and columns, quoted */
  copy(target: string, bytes: Uint8Array): Promise<void>
}

/** What only asks. */
export type Asker = Pick<Session, 'query'>

/** A PostgreSQL with pgvector, wherever it runs. */
export interface Database {
  /** Work on one connection, without a transaction: its temporary tables stay until the work ends. */
  session<T>(work: (session: ConnectedSession) => Promise<T>): Promise<T>
  /** All of the work or nothing. */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
  query: Session['query']
  close(): Promise<void>
}

export interface ConnectedSession extends Session {
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
}

/** Where a database is; nothing is connected before it is asked for. */
export interface DatabasePlace {
  /** For people, without user and password. */
  readonly name: string
  connect(): Promise<Database>
}

/** An identifier in SQL. Only names that were checked or made here get this far; quoted all the same. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
