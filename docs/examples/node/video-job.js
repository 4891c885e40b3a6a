// Sends one job and prints its results: node video-job.js SOURCE [JOB_ID].
import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import avro from 'avsc'
import { Kafka, logLevel } from 'kafkajs'
import { fingerprint } from './fingerprint.js'

const SCHEMAS = '../../../schemas'
const SINGLE_OBJECT = Buffer.from([0xc3, 0x01])
const PREFIX = process.env.KAFKA_TOPIC_PREFIX ?? 'video'
const JOBS = `${PREFIX}.jobs`
const CHUNKS = `${PREFIX}.chunk-results`
const RESULTS = `${PREFIX}.results`

const kafka = new Kafka({
  brokers: (process.env.KAFKA_BOOTSTRAP_SERVERS ?? 'localhost:9092').split(','),
  logLevel: logLevel.ERROR
})

/** Writes the job in Avro's single-object encoding; fields that are left out take the schema's defaults. */
async function send (jobId, source) {
  const type = parse(`${SCHEMAS}/video-job.avsc`)
  const job = { job_id: jobId, video_url: source, prompt: 'Describe what happens, with times.' }
  const headers = {
    ce_specversion: '1.0',
    ce_id: randomUUID(),
    ce_source: '/examples/node',
    ce_type: 'video.job.submitted.v1',
    ce_subject: jobId,
    ce_time: new Date().toISOString(),
    'content-type': 'application/avro'
  }
  const value = Buffer.concat([SINGLE_OBJECT, fingerprint(type), type.toBuffer(type.clone(job))])
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  await producer.send({ topic: JOBS, messages: [{ key: jobId, value, headers }] })
  await producer.disconnect()
}

/** Prints the job's results as they are committed; whether it succeeded. */
async function follow (jobId) {
  const known = knownTypes()
  // Aborted records are left out unless readUncommitted is set.
  const consumer = kafka.consumer({ groupId: `video-job-${jobId}`, readUncommitted: false })
  await consumer.connect()
  await consumer.subscribe({ topics: [CHUNKS, RESULTS], fromBeginning: true })
  const seen = new Set()
  let last
  const final = await new Promise((resolve, reject) => {
    // What it cannot get over by starting anew.
    consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error))
    consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, message }) => {
        if (message.key?.toString() !== jobId) return
        const event = decode(known, message)
        if (topic === RESULTS) {
          last = event
        } else {
          const said = event.response ?? event.error?.message
          console.log(`${event.start_time.toFixed(0)}-${event.end_time.toFixed(0)} s: ${said}`)
          seen.add(event.chunk_index)
        }
        // The two topics are read side by side, so the final result may come before a chunk that it lists.
        if (last?.chunks.every(chunk => seen.has(chunk.chunk_index))) resolve(last)
      }
    })
  })
  console.log(`${final.status}: ${final.aggregated_response ?? final.error?.message}`)
  await consumer.disconnect()
  return final.success
}

/** The fields of an event, however it was written. */
function decode (known, { value, headers }) {
  const contentType = headers['content-type']?.toString()
  switch (contentType) {
    case 'application/avro': {
      const type = known.get(value.toString('hex', 2, 10))
      if (type === undefined) throw new Error('The result was written with a schema that is not in schemas/.')
      return type.fromBuffer(value.subarray(10))
    }
    case 'application/json':
      return JSON.parse(value.toString())
  }
  throw new Error(`content-type ${contentType} needs a Schema Registry's deserializer.`)
}

/** The results' schemas: those in force and all that were ever released, by their fingerprints. */
function knownTypes () {
  const folders = [SCHEMAS, ...readdirSync(`${SCHEMAS}/released`).map(version => `${SCHEMAS}/released/${version}`)]
  const files = folders.flatMap(folder => ['chunk-result', 'video-result'].map(name => `${folder}/${name}.avsc`))
  const types = files.filter(existsSync).map(parse)
  return new Map(types.map(type => [fingerprint(type).toString('hex'), type]))
}

function parse (path) {
  return avro.Type.forSchema(JSON.parse(readFileSync(path, 'utf8')))
}

const [source, jobId = randomUUID()] = process.argv.slice(2)
if (source === undefined) {
  console.error('Usage: node video-job.js SOURCE [JOB_ID], for example node video-job.js s3://videos/talk.mp4')
  process.exit(2)
}
await send(jobId, source)
process.exitCode = (await follow(jobId)) ? 0 : 1
