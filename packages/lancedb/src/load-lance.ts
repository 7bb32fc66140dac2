/** LanceDB, a heavy module with native code: only who opens a gallery loads it. */
export async function loadLance(): Promise<typeof import('@lancedb/lancedb')> {
  // Else it writes on stderr that it will leave them out one day.
  process.env['LANCE_INCLUDE_VECTOR_CENTROIDS'] ??= 'false'
  return import('@lancedb/lancedb')
}
