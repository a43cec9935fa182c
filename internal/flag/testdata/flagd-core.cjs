// Evaluates flags with @openfeature/flagd-core, compiled and interpreted. It reads
// one request a line, {definition, flag, contexts, now}, and answers each with a
// line of [compiled, interpreted] a context. With strict the definition has to be
// valid by flagd's schema.
const { createRequire } = require('node:module')
const { FlagdCore, MemoryStorage } = createRequire(process.argv[2] + '/')('@openfeature/flagd-core')
const quiet = { error () {}, warn () {}, info () {}, debug () {} }

function evaluator (definition, options) {
  const core = new FlagdCore(undefined, quiet, options)
  core.setConfigurations(definition)
  return (flag, context) => {
    const found = core.getFlag(flag)
    if (found.state === 'DISABLED') return { reason: 'DISABLED' }
    const { variant, reason, errorCode } = found.evaluate(context, quiet)
    return { variant, reason, errorCode }
  }
}

require('node:readline').createInterface({ input: process.stdin }).on('line', line => {
  const { definition, flag, contexts, now, strict } = JSON.parse(line)
  Date.now = () => now * 1000
  let answers
  try {
    if (strict) new MemoryStorage(quiet).setConfigurations(definition, true)
    const compiled = evaluator(definition, {})
    const interpreted = evaluator(definition, { disableDynamicCodeGeneration: true })
    answers = contexts.map(context => [compiled(flag, context), interpreted(flag, context)])
  } catch (error) {
    answers = { error: String(error) }
  }
  process.stdout.write(JSON.stringify(answers) + '\n')
})
