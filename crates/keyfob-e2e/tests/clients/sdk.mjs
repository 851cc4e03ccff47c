// Streams an answer with OpenAI's own library, which takes everything from the environment.
import OpenAI from 'openai'

const stream = await new OpenAI({ maxRetries: 0 }).responses.create({
  model: 'keyfob-demo',
  input: 'Hello',
  stream: true,
})
let text = ''
let bits = 0
for await (const event of stream) {
  if (event.type === 'response.output_text.delta') {
    text += event.delta
    bits += 1
  }
}
console.log(JSON.stringify({ text, bits }))
