// What cedar_ops is asked, answered by the official engine in the same shape.
const messages = (answer) => (answer.errors ?? []).map((e) => e.message).join('; ');

const kOps = {
  // Whether a policy set text (with or without templates) parses.
  policies: (cedar, call, {text}) => {
    const answer = call(() => cedar.policySetTextToParts(text));
    return answer.type === 'success' ? {ok: true} : {ok: false, message: messages(answer)};
  },
  // Whether a schema text parses; JSON when it begins with a brace.
  schema: (cedar, call, {text}) => {
    let schema = text;
    if (/^\s*\{/.test(text)) {
      try {
        schema = JSON.parse(text);
      } catch (error) {
        return {ok: false, message: String(error.message)};
      }
    }
    const answer = call(() => cedar.checkParseSchema(schema));
    return answer.type === 'success' ? {ok: true} : {ok: false, message: messages(answer)};
  },
};

export const answerOp = (cedar, call, op) => kOps[op.op](cedar, call, op);
