using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>
/// Orders blocks so that control flows upwards but for the jumps back to a loop's head, and a loop's blocks stand together before what
/// follows it (Bourdoncle's weak topological order, 1993). With the lowest block running first, lanes wait for the others behind a loop.
/// </summary>
internal static class BlockOrdering
{
    private const int MaximumNesting = 256;

    /// <summary>The blocks that can be reached from the first, in order.</summary>
    internal static int[] Order(List<BasicBlock> blocks)
    {
        var order = new List<int>();
        var inside = new int[blocks.Count];
        Visit(blocks, Reachable(blocks), inside, 0, order, head: -1);
        return [.. order];
    }

    private static List<int> Reachable(List<BasicBlock> blocks)
    {
        var seen = new bool[blocks.Count];
        var stack = new Stack<int>([0]);
        seen[0] = true;
        var all = new List<int>();
        while (stack.TryPop(out int at))
        {
            all.Add(at);
            foreach (int next in Successors(blocks[at]))
            {
                if (!seen[next])
                {
                    seen[next] = true;
                    stack.Push(next);
                }
            }
        }

        all.Sort();
        return all;
    }

    /// <summary>Orders the blocks of one loop's inside (level says how deep), its head already placed.</summary>
    private static void Visit(List<BasicBlock> blocks, List<int> members, int[] level, int depth, List<int> order, int head)
    {
        foreach (int member in members)
        {
            level[member] = depth + 1;
        }

        foreach (List<int> component in Components(blocks, members, level, depth + 1, head))
        {
            if (component.Count == 1)
            {
                order.Add(component[0]);
                level[component[0]] = 0;
                continue;
            }

            int entry = EntryOf(blocks, component, order);
            order.Add(entry);
            component.Remove(entry);
            level[entry] = 0;
            if (depth < MaximumNesting)
            {
                Visit(blocks, component, level, depth + 1, order, entry);
            }
            else
            {
                order.AddRange(component);
            }
        }
    }

    /// <summary>The block through which a loop is entered: one that an already placed block leads to, else the first in the text.</summary>
    private static int EntryOf(List<BasicBlock> blocks, List<int> component, List<int> order)
    {
        var members = new HashSet<int>(component);
        for (int i = order.Count - 1; i >= 0; i--)
        {
            foreach (int next in Successors(blocks[order[i]]))
            {
                if (members.Contains(next))
                {
                    return next;
                }
            }
        }

        component.Sort();
        return component[0];
    }

    /// <summary>Strongly connected components in topological order (Tarjan's algorithm, without recursion).</summary>
    private static List<List<int>> Components(List<BasicBlock> blocks, List<int> members, int[] level, int depth, int head)
    {
        var index = new Dictionary<int, int>();
        var low = new Dictionary<int, int>();
        var onStack = new HashSet<int>();
        var stack = new Stack<int>();
        var result = new List<List<int>>();
        foreach (int root in members)
        {
            if (index.ContainsKey(root))
            {
                continue;
            }

            var work = new Stack<(int Node, IEnumerator<int> Successors)>();
            Open(root);
            while (work.TryPeek(out (int Node, IEnumerator<int> Successors) top))
            {
                if (top.Successors.MoveNext())
                {
                    int next = top.Successors.Current;
                    if (next == head || level[next] != depth)
                    {
                        continue;
                    }

                    if (!index.TryGetValue(next, out int known))
                    {
                        Open(next);
                    }
                    else if (onStack.Contains(next))
                    {
                        low[top.Node] = Math.Min(low[top.Node], known);
                    }

                    continue;
                }

                work.Pop();
                if (work.TryPeek(out (int Node, IEnumerator<int> Successors) parent))
                {
                    low[parent.Node] = Math.Min(low[parent.Node], low[top.Node]);
                }

                if (low[top.Node] == index[top.Node])
                {
                    result.Add(Close(top.Node));
                }
            }

            void Open(int node)
            {
                index[node] = low[node] = index.Count;
                stack.Push(node);
                onStack.Add(node);
                work.Push((node, Successors(blocks[node]).GetEnumerator()));
            }
        }

        result.Reverse();
        return result;

        List<int> Close(int node)
        {
            var component = new List<int>();
            int taken;
            do
            {
                taken = stack.Pop();
                onStack.Remove(taken);
                component.Add(taken);
            }
            while (taken != node);
            return component;
        }
    }

    private static IEnumerable<int> Successors(BasicBlock block)
    {
        if (block.Table is not null)
        {
            foreach (int target in block.Table)
            {
                yield return target;
            }

            yield break;
        }

        if (block.Target != BasicBlock.Exit)
        {
            yield return block.Target;
        }

        if (block.IsConditional && block.Next != BasicBlock.Exit)
        {
            yield return block.Next;
        }
    }
}
