import type { ExtensionAPI } from "@earendil-works/pi-coding-agent";

// An extension for tests: it asks where Pi itself would not.
export default function (pi: ExtensionAPI) {
  pi.on("tool_call", async (event, ctx) => {
    if (event.toolName !== "bash") return;
    const allowed = await ctx.ui.confirm("Run it?", event.input.command);
    if (!allowed) return { block: true, reason: "It was not allowed." };
  });
  pi.registerCommand("quiz", {
    description: "Asks in every way",
    handler: async (args, ctx) => {
      const colour = await ctx.ui.select("Which colour?", ["red", "green"]);
      const name = await ctx.ui.input("Which name?", "a name");
      const text = await ctx.ui.editor("Which text?", "Dear");
      ctx.ui.notify(`${args}: ${colour}, ${name}, ${text}`, "warning");
      ctx.ui.setStatus("quiz", "done");
    },
  });
  pi.registerCommand("fail", {
    description: "Fails",
    handler: async () => {
      throw new Error("on purpose");
    },
  });
}
