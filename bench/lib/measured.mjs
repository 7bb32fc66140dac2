/** Wall-clock and processor milliseconds an image of one piece of work. */
export async function measured(work, images) {
  const start = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wall: (performance.now() - start) / images, cpu: (user + system) / 1000 / images }
}
