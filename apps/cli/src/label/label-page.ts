/** The whole page; it asks the server for the questions. */
export const LABEL_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Which is closer?</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.4 system-ui, sans-serif }
  body { margin: 0 auto; padding: 12px; max-width: 860px; text-align: center }
  img { width: 100%; aspect-ratio: 1; object-fit: contain; background: #fff; border-radius: 8px; display: block }
  #reference { width: min(38vh, 60vw); margin: 0 auto 12px }
  #pair { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; max-width: 90vh; margin: 0 auto }
  button { font: inherit; padding: 10px 14px; border: 1px solid #8888; border-radius: 8px; background: none; color: inherit; cursor: pointer; touch-action: manipulation }
  #pair button { padding: 6px }
  button:focus-visible, #pair button:hover { outline: 3px solid #3b6fb6 }
  #tools { margin-top: 12px; display: flex; gap: 12px; justify-content: center }
  h1 { font-size: 1.1rem; margin: 0 0 4px }
  #status { min-height: 1.4em; margin: 0 0 12px; opacity: .75; font-variant-numeric: tabular-nums }
  kbd { font: inherit; opacity: .65; margin-left: .4em }
  @media (pointer: coarse) { kbd { display: none } #tools button { flex: 1; max-width: 180px; padding: 14px } }
</style>
<h1>Which is closer to this one?</h1>
<p id="status" role="status">Loading</p>
<main id="ask" hidden>
  <img id="reference" alt="Reference">
  <div id="pair">
    <button data-answer="a" aria-label="The left one is closer"><img id="a" alt="Left candidate"></button>
    <button data-answer="b" aria-label="The right one is closer"><img id="b" alt="Right candidate"></button>
  </div>
</main>
<div id="tools">
  <button data-answer="skip">Skip<kbd>space</kbd></button>
  <button id="undo">Undo<kbd>backspace</kbd></button>
</div>
<script>
  const byId = (id) => document.getElementById(id)
  let question, busy = false
  const show = (state) => {
    question = state.question
    byId('ask').hidden = !question
    byId('undo').disabled = !state.canUndo
    byId('status').textContent = question
      ? state.answered + ' answered, ' + state.left + ' left'
      : 'Done: ' + state.answered + ' answered'
    if (question) for (const part of ['reference', 'a', 'b']) byId(part).src = '/image?id=' + encodeURIComponent(question[part])
  }
  const ask = async (path, body) => {
    if (busy) return
    busy = true
    try {
      const init = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
      const response = await fetch(path, init)
      const answer = await response.json()
      if (response.ok) show(answer)
      else byId('status').textContent = answer.message
    } catch {
      byId('status').textContent = 'The command has stopped. Start it again: everything answered is kept.'
    } finally { busy = false }
  }
  const give = (answer) => question && ask('/answer', { number: question.number, answer })
  for (const button of document.querySelectorAll('[data-answer]')) button.onclick = () => give(button.dataset.answer)
  byId('undo').onclick = () => ask('/undo', {})
  const keys = { ArrowLeft: () => give('a'), ArrowRight: () => give('b'), ' ': () => give('skip'), Backspace: () => ask('/undo', {}) }
  addEventListener('keydown', (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return
    event.preventDefault()
    keys[event.key]()
  })
  ask('/state')
</script>
</html>
`
