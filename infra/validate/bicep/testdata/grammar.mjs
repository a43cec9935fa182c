// Parses files with tree-sitter's grammar of Bicep and prints what it could not
// read, as file:line:column: what. The first argument is where the grammar is installed.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const [folder, ...files] = process.argv.slice(2)
const require = createRequire(join(folder, 'node_modules', 'none.js'))
const { Language, Parser } = require('web-tree-sitter')

await Parser.init()
const parser = new Parser()
const grammar = join(dirname(require.resolve('tree-sitter-bicep/package.json')), 'tree-sitter-bicep.wasm')
parser.setLanguage(await Language.load(grammar))

for (const file of files) {
  const tell = (node) => {
    if (node.isError || node.isMissing) {
      const { row, column } = node.startPosition
      const what = node.isMissing ? `${node.type} is missing` : `${JSON.stringify(node.text.split('\n')[0])} is not understood`
      console.log(`${file}:${row + 1}:${column + 1}: ${what}`)
      return
    }
    for (let i = 0; i < node.childCount; i++) tell(node.child(i))
  }
  tell(parser.parse(readFileSync(file, 'utf8')).rootNode)
}
