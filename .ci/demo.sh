#!/usr/bin/env bash
# The main job on real text: prepare, train, evaluate, generate, plot. Usage: demo.sh GPT FOLDER. What is there already is not done again.
set -euo pipefail
gpt=$1
folder=$2

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# The SDK's reference documentation: some 40 MB of English, a document a member, on every machine that can build this.
sdk=$(dirname "$(readlink -f "$(command -v dotnet)")")
[ -d "${DOTNET_ROOT:-$sdk}/packs" ] && sdk=${DOTNET_ROOT:-$sdk}
mapfile -t text < <(find "$sdk/packs" -type d -path '*.Ref/*/ref/net*' | sort)
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
