export default []

export { type BadTriple, checkTriples, type Cycle, type TripleReport } from './triples/check-triples.js'
export type { CheckedTriple, Question } from './triples/preference-graph.js'
