/** LanceDB, a heavy module with native code: only who opens a gallery loads it. */
export async function loadLance(): Promise<typeof import('@lancedb/lancedb')> {
  // Else it writes on stderr that it will leave them out one day.
  process.env['LANCE_INCLUDE_VECTOR_CENTROIDS'] ??= 'false'
  // What goes wrong is thrown; else it writes warnings on stderr, too.
  process.env['LANCEDB_LOG'] ??= 'error'
  return import('@lancedb/lancedb')
}
