// Put, invoke, poll both returned locations: with the AWS SDK for JavaScript v3 as it is.
//
//   node invoke.mjs BUCKET ENDPOINT REQUEST
//
// REQUEST is the body to send. Prints one line of JSON: what was answered, which object came, and its text.
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { InvokeEndpointAsyncCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { randomUUID } from "node:crypto";

const [inputs, endpoint, request] = process.argv.slice(2);
const s3 = new S3Client({});
const runtime = new SageMakerRuntimeClient({});

function parsed(location) {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.*)$/.exec(location);
  return { Bucket: bucket, Key: key };
}

async function found(location) {
  try {
    const object = await s3.send(new GetObjectCommand(parsed(location)));
    return { type: object.ContentType, text: await object.Body.transformToString() };
  } catch (error) {
    if (error.name === "NoSuchKey") return null;
    throw error;
  }
}

async function poll(locations, attempts = 600) {
  for (let attempt = 0; attempt < attempts; attempt++) {
    for (const [name, location] of Object.entries(locations)) {
      const object = await found(location);
      if (object) return { name, ...object };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`neither of ${JSON.stringify(locations)} was written`);
}

const key = `javascript/${randomUUID()}.json`;
await s3.send(new PutObjectCommand({ Bucket: inputs, Key: key, Body: request, ContentType: "application/json" }));
const answer = await runtime.send(
  new InvokeEndpointAsyncCommand({
    EndpointName: endpoint,
    InputLocation: `s3://${inputs}/${key}`,
    ContentType: "application/json",
    Accept: "application/json",
    InferenceId: `js-${randomUUID()}`,
    InvocationTimeoutSeconds: 60,
    RequestTTLSeconds: 600,
  }),
);
const object = await poll({ output: answer.OutputLocation, failure: answer.FailureLocation });
console.log(JSON.stringify({ status: answer.$metadata.httpStatusCode, id: answer.InferenceId, ...object }));
