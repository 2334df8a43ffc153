#!/usr/bin/env bash
# The main job on real text: prepare, train, evaluate, generate, plot. Usage: demo.sh GPT FOLDER. What is there already is not done again.
set -euo pipefail
gpt=$1
folder=$2

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# The SDK's reference documentation, on every machine that can build this: English, a document a member. The vector intrinsics' file
# is left out: thousands of instruction signatures are no text to learn from.
sdk=${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}
mapfile -t text < <(find "$sdk/packs/Microsoft.NETCore.App.Ref" -path '*/ref/net*' -name '*.xml' ! -name 'System.Runtime.Intrinsics.xml' 2>/dev/null | sort)
[ ${#text[@]} -gt 0 ] || { echo "demo: no reference documentation under $sdk/packs; prepare a text of your own with 'gpt prepare'." >&2; exit 3; }

say "1. Text to tokens"
if [ -e "$folder/data/dataset.json" ]; then
    echo "$folder/data is there already"
else
    "$gpt" prepare --input "${text[@]}" --out "$folder/data" --tokenizer byte
fi

say "2. Training the quickstart model"
if [ -e "$folder/run/metrics.jsonl" ]; then
    "$gpt" train --run "$folder/run" --resume
else
    "$gpt" train --preset quickstart --data "$folder/data" --run "$folder/run"
fi

checkpoint=$(find "$folder/run/checkpoints" -mindepth 1 -maxdepth 1 -name 'step-*' | sort | tail -1)
say "3. Evaluating $checkpoint"
"$gpt" eval --checkpoint "$checkpoint" --data "$folder/data"

say "4. Text from the model"
for prompt in "Gets the " "System.Collections.Generic.List"; do
    "$gpt" generate --checkpoint "$checkpoint" --prompt "$prompt" --max-tokens 200 --temperature 0.7 --seed 1
    echo
done

say "The loss plot is $folder/run/plot.svg; everything else about the run is beside it."
