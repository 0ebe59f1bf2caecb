local data = {}
for i = 1, 100000 do data[i] = {id = i, score = i % 100, grade = "", seen = 0} end
local high = 0
local done = {}
for _, row in ipairs(data) do
  local r = {}
  for k, v in pairs(row) do r[k] = v end
  if r.score >= 80 then r.grade = "high" elseif r.score >= 40 then r.grade = "middle" else r.grade = "low" end
  r.seen = r.seen + 1
  if r.grade == "high" and r.id % 2 == 0 then high = high + r.seen end
  done[#done + 1] = r
end
print(high, #done)
